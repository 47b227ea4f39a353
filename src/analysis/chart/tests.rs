//! Charts of difficult input.

use super::super::kept::{Kept, Places};
use super::*;
use crate::export::{Field, Kind};
use crate::project::{Chart, ChartKind};

type Rows<'a> = &'a [(Option<&'a str>, Option<&'a str>)];

fn field(name: &str, kind: Kind) -> Field {
    Field { name: name.to_owned(), kind, longest: 0, fractions: false }
}

fn plot_of(
    kind: ChartKind,
    fields: &[Field],
    series: Option<&str>,
    rows: &[Vec<Option<String>>],
) -> Result<Plot, String> {
    let chart = Chart { kind, x: None, y: Vec::new(), series: series.map(str::to_owned) };
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    let mut kept = Kept::new(Places::of(&chart, &names));
    rows.iter().for_each(|row| kept.see(&row.clone().into()));
    Plot::of(kept.places().unwrap(), fields, &kept)
}

fn plot(kind: ChartKind, x: Kind, rows: Rows<'_>) -> Result<Plot, String> {
    let fields = [field("x", x), field("n", Kind::Whole)];
    let rows: Vec<_> = rows.iter().map(|(x, y)| vec![x.map(str::to_owned), y.map(str::to_owned)]).collect();
    plot_of(kind, &fields, None, &rows)
}

fn drawn(kind: ChartKind, x: Kind, rows: Rows<'_>) -> String {
    let plot = plot(kind, x, rows).unwrap();
    let both = [Width::Wide, Width::Narrow].map(|width| svg(&plot, width, "q", "Title").into_string());
    for one in &both {
        assert!(!one.contains("NaN") && !one.contains("inf"), "{one}");
    }
    both.concat()
}

const KINDS: [ChartKind; 4] = [ChartKind::Bar, ChartKind::Line, ChartKind::Area, ChartKind::Pie];

#[test]
fn one_row_is_drawn_in_every_kind() {
    for kind in KINDS {
        for x in [(Kind::Text, "a"), (Kind::Date, "2024-02-29"), (Kind::Whole, "2024")] {
            let svg = drawn(kind, x.0, &[(Some(x.1), Some("5"))]);
            assert!(svg.contains("role=\"img\"") && svg.contains("<title id=\"q-wide-t\">Title</title>"), "{svg}");
            assert!(svg.contains(": 5"), "{kind:?} {x:?}: {svg}");
        }
    }
}

#[test]
fn nothing_to_draw_is_said() {
    for kind in KINDS {
        assert_eq!(plot(kind, Kind::Text, &[]).unwrap_err(), "There are no rows to draw.");
        assert_eq!(plot(kind, Kind::Text, &[(Some("a"), None)]).unwrap_err(), "There are no values to draw.");
        let texts = plot_of(kind, &[field("x", Kind::Text), field("n", Kind::Text)], None, &[vec![None, None]]);
        assert_eq!(texts.unwrap_err(), "No chart: no column has numbers.");
    }
}

#[test]
fn negative_values_stand_below_zero() {
    for kind in [ChartKind::Bar, ChartKind::Line, ChartKind::Area] {
        for (x, rows) in [
            (Kind::Text, [(Some("a"), Some("-5")), (Some("b"), Some("3"))]),
            (Kind::Date, [(Some("2024-01-01"), Some("-5")), (Some("2024-01-02"), Some("-3"))]),
        ] {
            assert!(drawn(kind, x, &rows).contains(": -5"), "{kind:?}");
        }
    }
    assert!(
        drawn(ChartKind::Pie, Kind::Text, &[(Some("a"), Some("-5")), (Some("b"), Some("9"))])
            .contains("no negative parts")
    );
    assert!(drawn(ChartKind::Pie, Kind::Text, &[(Some("a"), Some("0"))]).contains("no whole"));
}

#[test]
fn a_null_is_a_gap_and_no_name_has_a_name() {
    let rows = [
        (Some("2024-01-01"), Some("1")),
        (Some("2024-01-02"), None),
        (Some("2024-01-03"), Some("2")),
        (None, Some("9")),
    ];
    let plot = plot(ChartKind::Line, Kind::Date, &rows).unwrap();
    assert_eq!(svg(&plot, Width::Wide, "q", "t").into_string().matches("<polyline").count(), 2);
    assert_eq!(plot.notes, ["1 values without x are left out."]);
    let svg = drawn(ChartKind::Bar, Kind::Text, &[(None, Some("1")), (Some("a"), None)]);
    assert!(svg.contains("(none)") && svg.contains('–'));
}

#[test]
fn many_rows_are_as_many_as_can_be_told_apart() {
    let rows: Vec<_> = (0..10_000).map(|at| (format!("name {at}"), (at % 977).to_string())).collect();
    let rows: Vec<_> = rows.iter().map(|(x, y)| (Some(x.as_str()), Some(y.as_str()))).collect();
    let bars = plot(ChartKind::Bar, Kind::Text, &rows).unwrap();
    assert_eq!((bars.labels.len(), bars.notes.as_slice()), (24, ["The 24 largest of 10,000.".to_owned()].as_slice()));
    let pie = plot(ChartKind::Pie, Kind::Text, &rows).unwrap();
    assert_eq!(pie.labels.last().map(String::as_str), Some("9,993 others"));
    let rows: Vec<_> = (0..10_000)
        .map(|at| (at.to_string(), if at == 5_432 { "7000".into() } else { (at % 977).to_string() }))
        .collect();
    let rows: Vec<_> = rows.iter().map(|(x, y): &(String, String)| (Some(x.as_str()), Some(y.as_str()))).collect();
    let line = plot(ChartKind::Line, Kind::Whole, &rows).unwrap();
    assert!(line.labels.len() <= 1_002 && line.labels.contains(&"5432".to_owned()));
    assert!(line.notes[0].ends_with(" of 10,000 points, the outermost ones."), "{:?}", line.notes);
    let columns = plot(ChartKind::Bar, Kind::Whole, &rows).unwrap();
    assert_eq!(columns.notes, ["The last 200 of 10,000."]);
}

#[test]
fn series_are_told_apart_and_stacked() {
    let fields = [field("day", Kind::Date), field("shop", Kind::Text), field("n", Kind::Whole)];
    let row = |day: &str, shop: Option<&str>, n: &str| {
        vec![Some(day.to_owned()), shop.map(str::to_owned), Some(n.to_owned())]
    };
    let rows = [
        row("2024-01-02", Some("a"), "1"),
        row("2024-01-01", Some("a"), "2"),
        row("2024-01-02", None, "5"),
        row("2024-01-02", None, "6"),
    ];
    let plot = plot_of(ChartKind::Area, &fields, Some("shop"), &rows).unwrap();
    assert_eq!(plot.labels, ["1 Jan 2024", "2 Jan 2024"]);
    assert_eq!(plot.notes, ["Several rows have the same day: their values are added."]);
    let svg = svg(&plot, Width::Narrow, "q", "t").into_string();
    for words in ["stacked", "(none)", "2 Jan 2024, (none): 11", "class=\"fill s1 stacked\""] {
        assert!(svg.contains(words), "{words}: {svg}");
    }
    let many: Vec<_> = (0..20).map(|shop| row("2024-01-01", Some(&format!("s{shop}")), &shop.to_string())).collect();
    let plot = plot_of(ChartKind::Line, &fields, Some("shop"), &many).unwrap();
    assert_eq!((plot.series.len(), plot.notes.as_slice()), (8, ["The 8 largest of 20 series.".to_owned()].as_slice()));
}

#[test]
fn long_names_stand_above_narrow_bars() {
    let long = "assistant harbour technician";
    let svg = drawn(ChartKind::Bar, Kind::Text, &[(Some(long), Some("1")), (Some("clerk"), Some("2"))]);
    let pictures: Vec<_> = svg.split("<svg").skip(1).collect();
    let [wide, narrow] = pictures[..] else { panic!("{svg}") };
    assert!(wide.contains("text-anchor=\"end\"") && !narrow.contains("text-anchor=\"end\""), "{svg}");
    assert!(narrow.contains(&format!("</title>{long}</text>")), "{narrow}");
}

#[test]
fn names_are_escaped_and_cut() {
    let hostile = "<script>alert(1)</script>\"'; drop table x; --";
    let svg =
        drawn(ChartKind::Bar, Kind::Text, &[(Some(hostile), Some("1")), (Some(&"long name ".repeat(30)), Some("2"))]);
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;") && svg.contains('…'));
}
