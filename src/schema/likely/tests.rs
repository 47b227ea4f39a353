//! Texts whose notation is told, and texts that could be two things.

use super::*;

fn likely(values: &[&str]) -> Option<Likely> {
    let mut clue = Clue::default();
    values.iter().for_each(|value| clue.see(value));
    clue.likely()
}

#[test]
fn what_people_write_is_told() {
    for (values, expected) in [
        (vec!["1.234,50", "-0,05"], "decimal commas (1.234,50): \"decimal: ','\" would make it numeric"),
        (vec!["5", "1.234", "12,50"], "decimal commas (12,50): \"decimal: ','\" would make it numeric"),
        (vec!["1,234.50", "7"], "grouped digits (1,234.50): \"thousands: ','\" would make it numeric"),
        (vec!["1,23,456.78"], "grouped digits (1,23,456.78): \"thousands: ','\" would make it numeric"),
        (vec!["1'234", "5"], "grouped digits (1'234): \"thousands: '''\" would make it bigint"),
        (vec!["1\u{202F}234"], "grouped digits (1\u{202F}234): \"thousands: ' '\" would make it bigint"),
        (vec!["12,5 %", "3 %"], "percent (12,5 %): \"decimal: ',', percent: true\" would make it numeric"),
        (vec!["1.234,50 €", "5 €"], "amounts in € (1.234,50 €): \"decimal: ',', currency: '€'\" would make it numeric"),
        (vec!["$5.50", "$1"], "amounts in $ ($5.50): \"currency: '$'\" would make it numeric"),
        (
            vec!["5.50-", "7.25"],
            "numbers with signs as people write them (5.50-): \"decimal: '.'\" would make it numeric",
        ),
        (vec!["1", "NA", "2.5"], "numeric with words for NULL (NA): \"null: ['NA']\" would make it numeric"),
        (vec!["2024-01-31", "-"], "date with words for NULL (-): \"null: ['-']\" would make it date"),
        (vec!["31.12.2024", "1.1.2025"], "days (31.12.2024): \"type: date, format: '%d.%m.%Y'\" would make it date"),
        (vec!["31/12/2024", "01/02/2025"], "days (31/12/2024): \"type: date, format: '%d/%m/%Y'\" would make it date"),
        (
            vec!["31.12.2024 10:30"],
            "days with times (31.12.2024 10:30): \"type: timestamp, format: '%d.%m.%Y %H:%M'\" would make it timestamp",
        ),
        (
            vec!["ja", "nein", "Ja"],
            "words of truth (ja): \"true: ['ja', 'Ja'], false: ['nein']\" would make it boolean",
        ),
        (vec![" 5", "6 "], "bigint with blanks around: \"trim: true\" would make it bigint"),
    ] {
        let found = likely(&values).map(|likely| likely.hint("x"));
        assert_eq!(found.as_deref(), Some(format!("x looks like {expected}").as_str()), "{values:?}");
    }
}

#[test]
fn what_could_be_two_things_is_not_told() {
    for values in [
        vec!["1,234", "5,678"],
        vec!["1.234,5", "1.5"],
        vec!["01/02/2020", "03/04/2020"],
        vec!["5 %", "5", "x"],
        vec!["5 %", "7"],
        vec!["5,0 €", "5,0 $"],
        vec!["ja"],
        vec!["007", "008"],
        vec!["+49301234", "5"],
        vec!["5", "6"],
        vec!["abc", "NA"],
        vec!["1.2.3", "1.2"],
        vec!["NA"],
        vec![],
    ] {
        assert_eq!(likely(&values), None, "{values:?}");
    }
}

#[test]
fn the_place_at_which_a_column_turns_to_text_does_not_matter() {
    let sets: [&[&str]; 6] = [
        &["5", "1.234", "1.234,50", "7"],
        &["1.50", "5", "1,234.50"],
        &["1.234", "999,5"],
        &["2024-01-31", "NA", "2024-02-01"],
        &["1.5", "1.234,5"],
        &["5", "NA", "6.5"],
    ];
    for values in sets {
        let whole = likely(values);
        for turn in 0..values.len() {
            let (mut plain, mut grouped) = (Inference::default(), true);
            for value in &values[..turn] {
                plain.see(value);
                grouped &= is_point_grouping(value);
            }
            if plain.fits() == Fits::TEXT {
                break;
            }
            let mut clue = Clue::after(plain.fits(), grouped);
            values[turn..].iter().for_each(|value| clue.see(value));
            assert_eq!(clue.likely(), whole, "{values:?} from {turn}");
        }
    }
}

#[test]
fn two_files_show_what_one_would() {
    let clue = |values: &[&str]| {
        let mut clue = Clue::default();
        values.iter().for_each(|value| clue.see(value));
        clue
    };
    let mut both = clue(&["1.234", "5"]);
    both.and(&clue(&["1,50", "NA"]));
    assert_eq!(both.likely(), likely(&["1.234", "5", "1,50", "NA"]));
}
