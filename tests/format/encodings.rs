//! Texts in other encodings than UTF-8: each record is the right text, a reject, or a guess that is told in the log and in the ledger.

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};
use encoding_rs::{MACINTOSH, SHIFT_JIS, WINDOWS_1252};

cases! {
    on_both:
        a_guess_is_told_and_what_is_none_is_refused,
        texts_that_were_taken_for_others,
        few_signs_are_windows_1252,
        a_plugin_names_a_code_page;
}

async fn a_guess_is_told_and_what_is_none_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let plain = "1,plain\n".repeat(30);
    let mac = MACINTOSH.encode("Köln").0;
    for (name, record, is_read, told) in [
        ("cesu", b"x \xED\xA0\xBD\xED\xB8\x80".as_slice(), true, "1 line holds halves of a surrogate pair (CESU-8)"),
        ("half", b"x \xED\xA0\xBD y".as_slice(), false, ""),
        ("latin", b"M\xFCnchen".as_slice(), true, "1 line read as windows-1252, which is a guess"),
        ("mac", &mac, false, ""),
        ("dos", b"J\x84ger".as_slice(), false, ""),
        ("both", b"\xE9\xED\xA0\xBD\xED\xB8\x80".as_slice(), false, ""),
    ] {
        let text = [b"id,name\n", plain.as_bytes(), b"2,", record, b"\n"].concat();
        workdir.write(&format!("imports/{name}.csv"), text)?;
        let once = app(&workdir, &["--once"], &[("DATABASE_URL", database.url.as_str())])?;
        same((name, once.status.code()), (name, Some(if is_read { 0 } else { 3 })))?;
        let beside = format!(
            "select b.text from sluice.beside b join sluice.load l on l.id = b.load_id
             where b.kind = 'encoding' and l.source = '{name}.csv'"
        );
        let kept = database.text(&beside).await?;
        if is_read {
            holds(&kept, told)?;
            holds(&(stdout(&once) + &stderr(&once)), told)?;
        }
        let rows = format!("select count(*) from staging.{name}");
        same(database.text(&rows).await?, if is_read { "31" } else { "30" })?;
    }
    same(database.text("select name from staging.cesu where id = 2").await?, "x 😀")?;
    same(database.text("select name from staging.latin where id = 2").await?, "München")
}

async fn texts_that_were_taken_for_others(database: TestDatabase, workdir: Workdir) -> Outcome {
    let kana = SHIFT_JIS.encode("ﾌﾘｶﾞﾅ,ｷﾝｶﾞｸ\nﾔﾏﾀﾞ ﾀﾛｳ,1000\nｽｽﾞｷ ﾊﾅｺ,2000\nｻﾄｳ ｼﾞﾛｳ,3000\n").0;
    same(workdir.load(&database, "kana.csv", &kana).await?.books.loaded, 3)?;
    same(database.text("select \"ﾌﾘｶﾞﾅ\" from staging.kana where \"ｷﾝｶﾞｸ\" = 1000").await?, "ﾔﾏﾀﾞ ﾀﾛｳ")?;
    let dos = b"name,ort\nJ\x84ger,K\x94ln\nB\x84cker,L\x94hne\nM\x81ller,Ulm\nPlain,Ulm\n";
    let report = workdir.load(&database, "dos.csv", dos).await?;
    same((report.books.loaded, report.books.rejected), (4, 0))?;
    same(database.text("select name from staging.dos where ort = 'Köln'").await?, "Jäger")?;
    let told = "select text from sluice.beside where kind = 'encoding' and text like '%cp850%'";
    same(database.text(told).await?, "3 lines read as cp850, which is a guess")?;
    let others = WINDOWS_1252.encode("3,René\n4,Bärbel\n5,Günther\n6,Søren\n").0;
    let mixed = ["id,name\n1,Zoë\n2,Łukasz\n".as_bytes(), &others].concat();
    same(workdir.load(&database, "mixed.csv", mixed).await?.books.loaded, 6)?;
    let names = "Zoë\nŁukasz\nRené\nBärbel\nGünther\nSøren";
    same(database.text("select name from staging.mixed order by id").await?, names)?;
    let told = "select text from sluice.beside where kind = 'encoding' and text like '%UTF-8 and stay so%'";
    same(database.text(told).await?, "4 lines read as windows-1252, which is a guess; 2 lines are UTF-8 and stay so")?;
    let wide = "имя;город\nИван;Москва\nОльга;Казань\nПётр;Самара\n";
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    same(workdir.load(&database, "wide.csv", wide).await?.books.loaded, 3)?;
    same(database.text("select \"город\" from staging.wide where \"имя\" = 'Иван'").await?, "Москва")
}

async fn few_signs_are_windows_1252(database: TestDatabase, workdir: Workdir) -> Outcome {
    let prose = "9,The quick brown fox and so on\n";
    for (name, first, second) in [
        ("pound", "£10.00", "£1.20"),
        ("micro", "µg/l", "5 µm"),
        ("hola", "¡Hola!", "¿Qué?"),
        ("cubic", "5 m³", "±5"),
        ("times", "10 × 20", "§ 5"),
        ("marks", "©2020", "Product®"),
        ("french", "«Bonjour»", "Œuvre"),
        ("north", "Tromsø", "naïve"),
        ("cup", "¼ cup", "3 m²"),
    ] {
        for rows in [0, 300] {
            let table = format!("{name}_{rows}");
            let text = format!("id,text\n1,{first}\n2,{second}\n{}", prose.repeat(rows));
            let file = format!("{table}.csv");
            let report = workdir.load(&database, &file, WINDOWS_1252.encode(&text).0.into_owned()).await?;
            same((&file, report.books.loaded), (&file, rows as u64 + 2))?;
            let read = database.text(&format!("select text from staging.{table} where id < 3 order by id")).await?;
            same(read, format!("{first}\n{second}").as_str())?;
        }
    }
    let told = "select count(*) from sluice.beside where kind = 'encoding' and text like '%windows-1252%guess%'";
    same(database.text(told).await?, "18")
}

async fn a_plugin_names_a_code_page(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (label, bytes, read) in [
        ("cp850", b"\x9Bre,\xD5".as_slice(), "øre,ı"),
        ("cp437", b"5 \x9B,\xE1", "5 ¢,ß"),
        ("macintosh", b"K\x9Aln,\xA7", "Köln,ß"),
    ] {
        let plugin = format!("name: {label}\nfiles: [\"{label}*\"]\ntable: {label}\nencoding: {label}\n");
        workdir.plugin(label, &plugin)?;
        workdir.write(&format!("imports/{label}.csv"), [b"a,b\n", bytes, b"\n"].concat())?;
        let once = app(&workdir, &["--once"], &[("DATABASE_URL", database.url.as_str())])?;
        same((label, once.status.code()), (label, Some(0)))?;
        let cells = format!("select a || ',' || b from staging.{label}");
        same(database.text(&cells).await?, read)?;
    }
    Ok(())
}
