//! Texts of many languages in their usual encodings: each becomes the right text, its bytes unchanged, or a guess that
//! is told.

use super::*;

fn read(bytes: &[u8]) -> (String, &'static str) {
    let mut text = Text::open(bytes, None).unwrap();
    let mut out = Vec::new();
    text.read_to_end(&mut out).unwrap();
    assert_eq!(text.digest().bytes, bytes.len() as u64);
    (String::from_utf8_lossy(&out).into_owned(), text.encoding().name())
}

#[test]
fn marks_and_zero_bytes_tell_the_encoding() {
    let words = "näme,größe\n1,ü\n".repeat(20_000);
    let utf16 = |big: bool| -> Vec<u8> {
        words.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    for (bytes, name) in [
        (words.clone().into_bytes(), "UTF-8"),
        ([b"\xEF\xBB\xBF".as_slice(), words.as_bytes()].concat(), "UTF-8"),
        (utf16(false), "UTF-16LE"),
        ([b"\xFF\xFE".as_slice(), &utf16(false)].concat(), "UTF-16LE"),
        (utf16(true), "UTF-16BE"),
        ([b"\xFE\xFF".as_slice(), &utf16(true)].concat(), "UTF-16BE"),
    ] {
        let (text, found) = read(&bytes);
        assert_eq!(found, name);
        assert!(text == words);
    }
}

/// The decoded lines of a text that a first reading has found not to be UTF-8.
fn lines(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
    let wrong: Vec<&[u8]> =
        bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| std::str::from_utf8(line).is_err()).collect();
    let share = wrong.len() * 1000 / bytes.split(|byte| *byte == b'\n').count();
    let (encoding, guess) = guess_encoding(&wrong.concat(), share as u64).unwrap_or((UTF_8.into(), Guess::Doubtful));
    let mut text = Text::guessed(bytes, encoding, guess).unwrap();
    let mut out = Vec::new();
    text.read_to_end(&mut out).unwrap();
    assert_eq!(text.passed, bytes.len() as u64);
    (out, text.told())
}

#[test]
fn one_record_in_another_encoding_is_read_where_it_can_be_only_that() {
    let mac = |text: &str| encoding_rs::MACINTOSH.encode(text).0.into_owned();
    let windows = |text: &str| encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    let dos = |text: &str| encoded(text, "cp850").unwrap();
    let good = "1,plain\n".repeat(40);
    for (record, is_read) in [
        (windows("2,München"), true),
        (windows("2,Jäger"), true),
        (windows("2,don’t – “so”"), true),
        (windows("2,10 €"), true),
        (mac("2,Köln"), false),
        (mac("2,René"), false),
        (mac("2,García"), false),
        (mac("2,España"), false),
        (mac("2,Zürich"), false),
        (dos("2,Jäger"), false),
        (dos("2,Köln"), false),
        (dos("2,Malmö"), false),
        (dos("2,Müller"), false),
        (dos("2,école"), false),
        (dos("2,voilà"), false),
        (dos("2,Márquez"), false),
        (dos("2,Muñoz"), false),
        (b"2,x\xED\xA0\xBDy".to_vec(), false),
        (b"2,\xE9\xED\xA0\xBD\xED\xB8\x80".to_vec(), false),
    ] {
        let text = [good.as_bytes(), &record, b"\n"].concat();
        let (read, told) = lines(&text);
        let shown = String::from_utf8_lossy(&record).into_owned();
        if is_read {
            let decoded = String::from_utf8(read).unwrap();
            assert_eq!(decoded.lines().last(), Some(windows_text(&record).as_str()), "{shown}");
            assert!(told.unwrap().contains("1 line read as windows-1252"), "{shown}");
        } else {
            assert!(read == text, "{shown}");
        }
    }
}

fn windows_text(record: &[u8]) -> String {
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(record).0.into_owned()
}

#[test]
fn pairs_of_surrogate_halves_are_one_character() {
    let (read, told) = lines(b"1,ok \xED\xA0\xBD\xED\xB8\x80!\n2,\xC3\xA9\n3,\xED\xB8\x80\xED\xA0\xBD\n");
    assert_eq!(read, "1,ok 😀!\n2,é\n".bytes().chain(*b"3,\xED\xB8\x80\xED\xA0\xBD\n").collect::<Vec<_>>());
    assert!(told.unwrap().contains("CESU-8"));
}

#[test]
fn lines_in_utf8_stay_among_others() {
    let text = b"1,Zo\xC3\xAB\n2,J\xC3\xBCrg\n3,\xC5\x81ukasz\n4,Ren\xE9\n5,B\xE4rbel\n6,G\xFCnther\n7,S\xF8ren\n";
    let (read, told) = lines(text);
    assert_eq!(String::from_utf8(read).unwrap(), "1,Zoë\n2,Jürg\n3,Łukasz\n4,René\n5,Bärbel\n6,Günther\n7,Søren\n");
    assert_eq!(told.unwrap(), "4 lines read as windows-1252, which is a guess; 3 lines are UTF-8 and stay so");
}

#[test]
fn katakana_of_half_a_width_is_no_russian() {
    let text = "ﾌﾘｶﾞﾅ,ｷﾝｶﾞｸ\nﾔﾏﾀﾞ ﾀﾛｳ,1000\nｽｽﾞｷ ﾊﾅｺ,2000\nｻﾄｳ ｼﾞﾛｳ,3000\n";
    let (read, _) = lines(&encoding_rs::SHIFT_JIS.encode(text).0);
    assert_eq!(String::from_utf8(read).unwrap(), text);
}

/// Names and words of many languages, with their usual encodings.
const TEXTS: [(&[&str], &[&str]); 14] = [
    (
        &["windows-1252", "iso-8859-15", "macintosh", "windows-1254", "cp850"],
        &["Müller", "Größe", "Käse", "Öl", "schön", "Übung"],
    ),
    (
        &["windows-1252", "macintosh", "cp850"],
        &["école", "garçon", "l’été", "œuvre", "naïve", "À bientôt", "voilà", "Noël…"],
    ),
    (&["windows-1252", "macintosh", "cp850"], &["García", "Muñoz", "José", "¿Qué?", "Ángel", "pingüino", "1º"]),
    (&["windows-1252", "iso-8859-10", "macintosh", "cp850"], &["Søren", "Åse", "Bjørk", "smörgås", "Ægir", "Þór"]),
    (&["windows-1250", "iso-8859-2"], &["Łódź", "Dvořák", "žluťoučký", "Kőszeg", "Ştefan", "Šubrt", "część"]),
    (
        &["windows-1251", "koi8-u", "ibm866", "iso-8859-5", "x-mac-cyrillic"],
        &["Москва", "Илья", "Щёлково", "МГУшник", "Ёлка", "яблоко"],
    ),
    (&["windows-1253", "iso-8859-7"], &["Αθήνα", "Ελλάδα", "ΰψιλον", "Ήλιος", "φίλος"]),
    (&["windows-1254"], &["İstanbul", "Çelik", "ışık", "Şişli", "Doğan", "Göğüs"]),
    (&["windows-1255", "iso-8859-8-i"], &["שלום", "ירושלים", "תל אביב", "כהן"]),
    (&["windows-1256", "iso-8859-6"], &["محمد", "القاهرة", "مرحبا", "بيروت"]),
    (&["windows-1257", "iso-8859-13", "iso-8859-4"], &["Žemaitė", "Rīga", "Šiauliai", "Jūrmala", "Kęstutis"]),
    (&["windows-874"], &["กรุงเทพ", "สวัสดี", "เชียงใหม่", "ภูเก็ต"]),
    (&["shift_jis", "euc-jp", "iso-2022-jp"], &["東京", "カタカナ", "ひらがな", "山田太郎", "大阪市", "ｱﾘｶﾞﾄｳ"]),
    (&["gbk", "big5", "gb18030", "utf-16le", "utf-16be"], &["北京", "上海", "中文名", "王小明", "文件", "大海"]),
];

/// The text as bytes; `None` if the encoding cannot write it.
fn encoded(text: &str, label: &str) -> Option<Vec<u8>> {
    match label {
        "utf-16le" => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        "utf-16be" => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        "cp850" => {
            let upper: Vec<char> = crate::format::zip_names::CP850.chars().collect();
            let byte = |letter: char| match letter.is_ascii() {
                true => Some(letter as u8),
                false => upper.iter().position(|one| *one == letter).map(|at| 0x80 + at as u8),
            };
            text.chars().map(byte).collect()
        }
        _ => {
            let (bytes, _, lost) = Encoding::for_label(label.as_bytes()).unwrap().encode(text);
            (!lost).then(|| bytes.into_owned())
        }
    }
}

proptest::proptest! {
    /// In any encoding, alone or among others, a record is the right text, refused, or a guess that is told; UTF-8
    /// stays.
    #[test]
    fn no_text_becomes_another_one_untold(
        language in 0..TEXTS.len(),
        label in 0usize..5,
        words in proptest::collection::vec((0usize..8, 0usize..4, 0u32..10_000), 1..40),
    ) {
        let (labels, own) = TEXTS[language];
        let label = labels[label % labels.len()];
        let line = |(word, kind, number): &(usize, usize, u32)| match kind {
            0 => format!("{number},plain\n"),
            _ => format!("{number},{}\n", own[word % own.len()]),
        };
        let texts: Vec<String> = std::iter::once("id,name\n".to_owned()).chain(words.iter().map(line)).collect();
        let pieces: Vec<_> = texts.iter().map(|line| encoded(line, label)).collect();
        let Some(mut pieces) = pieces.into_iter().collect::<Option<Vec<_>>>() else { return Ok(()) };
        // Valid UTF-8 counts as UTF-8, even if it is a word of another encoding: "Ёлка" in IBM 866 is a rare Chinese
        // letter.
        pieces.retain(|line| line.is_ascii() || std::str::from_utf8(line).is_err());
        let open = || Ok(crate::format::Content::Bytes(Box::new(std::io::Cursor::new(pieces.concat()))));
        let stated = crate::format::ReadOptions::default();
        let Ok(found) = crate::format::profile(crate::format::Format::Csv, open, &stated) else { return Ok(()) };
        let (mut records, mut told) = (Vec::new(), false);
        let names = found.columns.iter().map(|(name, _)| name.clone());
        crate::format::each_chunk(open().unwrap(), &found.layout, names, |chunk| {
            records.extend((0..chunk.records.len()).map(|row| chunk.records.raw(row).into_owned()));
            told |= chunk.beside.iter().any(|one| one.kind == crate::record::BesideKind::Encoding);
            true
        }).unwrap();
        let is_right = |record: &String| texts.iter().any(|text| text.trim_end() == record);
        proptest::prop_assert!(told || records.iter().all(is_right), "{label}: {records:?}");
    }

    /// Records in UTF-8 stay as they are among those of any other encoding.
    #[test]
    fn what_is_utf8_stays(
        language in 0..TEXTS.len(),
        label in 0usize..5,
        words in proptest::collection::vec((0usize..8, proptest::bool::ANY), 2..40),
    ) {
        let (labels, own) = TEXTS[language];
        let label = labels[label % labels.len()];
        if !by_line::is_for(Charset::for_label(label).unwrap()) {
            return Ok(());
        }
        let mut text = Vec::new();
        for (word, is_utf8) in &words {
            let line = format!("1,{}\n", own[word % own.len()]);
            match encoded(&line, label).filter(|_| !is_utf8) {
                Some(bytes) => text.extend(bytes),
                None => text.extend(line.bytes()),
            }
        }
        let (read, _) = lines(&text);
        for (line, now) in text.split(|byte| *byte == b'\n').zip(read.split(|byte| *byte == b'\n')) {
            // Two letters of East Asia may be one of another script.
            let word = std::str::from_utf8(line).ok().filter(|word| own.iter().any(|own| word.ends_with(own)));
            proptest::prop_assert!(word.is_none() || line == now, "{:?}", word);
        }
    }
}

#[test]
fn utf16_without_a_mark_is_found_in_every_script() {
    for (labels, words) in TEXTS {
        let text: String = words.iter().map(|word| format!("{word};{}\n", words[0])).collect();
        for label in ["utf-16le", "utf-16be"] {
            let (read, name) = read(&encoded(&text, label).unwrap());
            assert_eq!((read.as_str(), name.to_ascii_lowercase().as_str()), (text.as_str(), label), "{labels:?}");
        }
    }
    for text in ["a,b\n1,\0\n2,\0\n", "J\u{e4}ger\0\nx\0\ny\0\n", "ab\0\ncd\0\n"] {
        let bytes: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
        assert_eq!(read(&bytes).1, "UTF-8", "{text:?}");
    }
}

#[test]
fn other_encodings_are_guessed() {
    let guess = |bytes: &[u8]| guess_encoding(bytes, 1000).map(|(found, _)| found.name());
    assert_eq!(guess(&encoding_rs::WINDOWS_1252.encode("Käse;Größe;Übung äöü").0), Some("windows-1252"));
    assert_eq!(guess(&encoding_rs::WINDOWS_1251.encode("имя,город\nИлья,Москва\nАнна,Киев\n").0), Some("windows-1251"));
    assert_eq!(guess(&encoding_rs::WINDOWS_1252.encode("ville,été\nL'Haÿ-les-Roses,1\n").0), Some("windows-1252"));
    assert_eq!(guess(b"\xFF,2\n\xFF,3\n"), None);
    assert_eq!(guess(&encoding_rs::SHIFT_JIS.encode("東京都千代田区の人口と面積").0), Some("Shift_JIS"));
}

/// Words and signs of the West in Windows-1252, those of one text between bars.
const WESTERN: &str = "naïve Loïc Zoë Citroën Ångström São Müller François Élodie Œuvre Søren Jürgen Peña Curaçao Þór Ísland \
    Malmö Zürich Genève Köln Straße €5 5€ £10 §5 20° °C ±5 3½ n° Nº µm ©2020 ® ™ “q” ‘q’ don’t – — … •x Ü Ö Ä é è ê à â ç ñ í ú á \
    ü ö ä ø å Æ Ø Å Noël Aïda Haïti Šimon Žižek Niño José Groß über ¿Qué ¡Hola! El·la Lluís català Vä Åsa Größe 10×20 x² m² m³ ÷ \
    ¼ ¢ «a» Ýr £10.00|£1.20 5¢|7¢ ¥500 cœur|sœur|Œuvre Ærø|Læsø|Næstved Foo™|Bar® ©_ACME 1º|2ª §_5|§_7 10_×_20|3_×_4 \
    ±0.5|±0.1 5_m³ 5_µm|µg/l «oui»|«non» •_a|•_b Product® ¼_cup «Bonjour» Tromsø (£) £_5 5_£ 20_°C ±_5 5±1 1–2 a_–_b “hi”|‘x’ \
    Crème_brûlée Gruyère São_Paulo|João|Conceição Ísafjörður|Þór città|perché|più reünie|coördinatie|één km² 3¾ „so“ 5‰ §§_1,2 \
    Sigurður Guðrún Davíð Þorsteinn Alþingi Besançon pâté hôtel sûr|août Cañón niños|años coração|pão|mãe virtù blåbær Højbjerg";

#[test]
fn few_words_and_signs_of_the_west_are_windows_1252() {
    for words in WESTERN.split_whitespace() {
        let words: Vec<String> = words.split('|').map(|word| word.replace('_', " ")).collect();
        for (rows, is_among_prose) in [(1, false), (3, false), (3, true), (100, false), (300, true)] {
            let row = |at: usize| match &words[at % words.len()] {
                _ if is_among_prose && !at.is_multiple_of(3) => format!("{at};The quick brown fox, and so on;{at}\n"),
                word => format!("{at};{word};2.5\n"),
            };
            let text: String = std::iter::once("id;text;n\n".to_owned()).chain((0..rows).map(row)).collect();
            let (read, told) = lines(&encoded(&text, "windows-1252").unwrap());
            assert_eq!(String::from_utf8_lossy(&read), text, "{rows}");
            assert!(told.unwrap().contains("windows-1252, which is a guess"));
        }
    }
}

#[test]
fn what_dos_and_macintoshes_wrote_is_read() {
    for (label, words) in [
        ("cp850", ["Jäger", "Köln", "Müller", "Bäcker"]),
        ("cp850", ["René", "Hélène", "François", "Noël"]),
        ("cp850", ["Muñoz", "García", "José", "Ángel"]),
        ("macintosh", ["Käse", "Köln", "Müller", "Bäcker"]),
        ("macintosh", ["René", "Hélène", "François", "Noël"]),
        ("iso-8859-15", ["Cœur", "10 €", "5 €", "sœur"]),
    ] {
        for rows in [2, 4, 100] {
            let row = |at: usize| format!("{at},{}\n", words[at % 4]);
            let text: String = std::iter::once("id,name\n".to_owned()).chain((0..rows).map(row)).collect();
            let (read, told) = lines(&encoded(&text, label).unwrap());
            assert_eq!(String::from_utf8_lossy(&read), text, "{label} {rows}");
            assert!(told.unwrap().to_lowercase().contains(label));
        }
    }
}

#[test]
fn code_pages_of_dos_can_be_named() {
    for (label, bytes, right) in [
        ("cp850", b"J\x84ger,\x9B,\xD5".as_slice(), "Jäger,ø,ı"),
        ("IBM437", b"K\x94ln,\x9B,\xE1", "Köln,¢,ß"),
        ("macintosh", b"K\x9Aln", "Köln"),
    ] {
        let text = [b"\x20".repeat(PIECE * 2), bytes.to_vec()].concat();
        let mut read = String::new();
        Text::open(text.as_slice(), Charset::for_label(label)).unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read.trim(), right);
    }
}

#[test]
fn the_words_of_a_language_are_right() {
    // No detector tells these from others of their scripts.
    let seldom = ["iso-8859-4", "ibm866", "x-mac-cyrillic", "iso-2022-jp", "utf-16le", "utf-16be"];
    for (labels, words) in TEXTS {
        for label in labels.iter().filter(|label| !seldom.contains(label)) {
            for rows in [2, 3, 20] {
                let line = |at: usize| format!("{at},{}\n", words[at % words.len()]);
                let text: String = std::iter::once("id,name\n".to_owned()).chain((0..rows).map(line)).collect();
                let Some(bytes) = encoded(&text, label) else { continue };
                let read = lines(&bytes).0;
                let is_right = |(line, read): (&[u8], &[u8])| {
                    line == read || (rows < 20 && (std::str::from_utf8(read).is_err() || labels[0] == "windows-1257"))
                };
                let pairs = text.as_bytes().split(|byte| *byte == b'\n').zip(read.split(|byte| *byte == b'\n'));
                assert!(pairs.into_iter().all(is_right), "{label} {rows}: {}", String::from_utf8_lossy(&read));
            }
        }
    }
}
