//! `exports/index.html`: one page with every question, its chart, its table, and the freshness of its sources. The page
//! is self-contained: it includes its style and script, and may not access a network. All foreign text is escaped
//! (maud).

mod rows;
mod sources;
mod time;

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) use sources::Source;

use super::Failure;
use super::chart::{Plot, Width, svg};
use super::number::full;
use crate::export::{Field, Format};
use crate::warehouse::Row;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The number of a table's rows that are printed, as the style has it.
const PAPER_ROWS: usize = 20;

/// The page's content security policy: only its own content.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
 base-uri 'none'; form-action 'none'";

/// The page.
#[derive(Debug)]
pub(super) struct Page {
    /// The time of its making.
    pub(super) made: DateTime<Utc>,
    /// The time of the star's last build.
    pub(super) built: Option<DateTime<Utc>>,
    /// The time of the last build, if it failed.
    pub(super) failed: Option<DateTime<Utc>>,
    /// The questions, in their order.
    pub(super) questions: Vec<Question>,
}

/// A question with its answer, or the error.
#[derive(Debug, Default)]
pub(super) struct Question {
    /// The view's name.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: Option<String>,
    /// The chart, or the reason why there is none.
    pub(super) chart: Option<Result<Plot, String>>,
    pub(super) fields: Vec<Field>,
    /// The first rows.
    pub(super) first: Vec<Row>,
    /// The number of all rows.
    pub(super) rows: u64,
    /// The formats of the exports.
    pub(super) exports: Vec<Format>,
    pub(super) sources: Vec<Source>,
    /// Other tables that it reads.
    pub(super) others: Vec<String>,
    /// The error.
    pub(super) failed: Option<String>,
}

impl Question {
    /// Returns a question without an answer.
    pub(super) fn failed(name: &str, failure: &Failure) -> Question {
        Question {
            name: name.to_owned(),
            title: failure.title.clone(),
            description: failure.description.clone(),
            failed: Some(failure.error.to_string()),
            ..Question::default()
        }
    }
}

impl Page {
    /// Returns the page as HTML.
    pub(super) fn html(&self) -> String {
        let count = match self.questions.len() {
            1 => "1 question".to_owned(),
            count => format!("{} questions", full(count as f64)),
        };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="generator" content="Sluice";
                    title { "Analysis" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header.top id="top" {
                        h1 { "Analysis" }
                        p.meta {
                            span { (count) }
                            span { "made " (time::moment(self.made)) }
                            @match self.built {
                                Some(built) => span { "star built " (time::with_words(built, self.made)) },
                                None => span { "the star was never built" },
                            }
                        }
                        @if let Some(words) = self.unanswered() { p.warning { (words) } }
                        @if let Some(failed) = self.failed {
                            p.warning { "The last build of the star failed, " (time::with_words(failed, self.made)) ": \
                             what it would have brought is not in these answers." }
                        }
                    }
                    div.sides {
                        nav aria-label="Questions" {
                            ol { @for question in &self.questions { li { a class=[question.failed.as_ref().map(|_|
                                "failing")] href=(format!("#{}", question.name)) { (question.title) } } } }
                        }
                        main { @for question in &self.questions { (self.section(question)) } }
                    }
                    footer { "Made by Sluice. Each answer is a view of the warehouse; the files beside this page have all rows." }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }

    fn unanswered(&self) -> Option<String> {
        match self.questions.iter().filter(|question| question.failed.is_some()).count() {
            0 => None,
            1 => Some("1 question could not be answered; it is marked below.".to_owned()),
            count => Some(format!("{count} questions could not be answered; they are marked below.")),
        }
    }

    fn section(&self, question: &Question) -> Markup {
        html! {
            section id=(question.name) aria-labelledby=(format!("{}-title", question.name)) {
                h2 id=(format!("{}-title", question.name)) { (question.title) }
                @for paragraph in question.description.iter().flat_map(|text| paragraphs(text)) { p.text { (paragraph) } }
                @if let Some(why) = &question.failed {
                    div.failed role="alert" {
                        p { b { "This question could not be answered." } }
                        p.why { (why) }
                    }
                } @else { (self.answer(question)) }
            }
        }
    }

    fn answer(&self, question: &Question) -> Markup {
        html! {
                @match &question.chart {
                    Some(Ok(plot)) => figure {
                        @for width in [Width::Wide, Width::Narrow] { (svg(plot, width, &question.name, &question.title)) }
                        @if !plot.notes.is_empty() { figcaption { (plot.notes.join(" ")) } }
                    },
                    Some(Err(why)) => p.note { (why) },
                    None => (rows::figures(question)),
                }
                (rows::table(question))
                p.files {
                    @match (question.rows, question.first.len() as u64) {
                        (0, _) => "No rows",
                        (1, _) => "1 row",
                        (all, shown) if all > shown => { "The first " (full(shown as f64)) " of " (full(all as f64)) " rows; all of them" },
                        (all, _) => { "All " (full(all as f64)) " rows" },
                    }
                    ": "
                    @for (at, format) in question.exports.iter().enumerate() {
                        @let file = format!("{}.{}", question.name, format.ending());
                        @if at > 0 { ", " }
                        a href=(file) { (file) }
                    }
                    @if question.first.len() > PAPER_ROWS { span.paper { ". On paper: the first " (PAPER_ROWS) "." } }
                }
                (sources::sources(question, self.made, self.built))
        }
    }
}

/// Splits a text into paragraphs at blank lines.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(str::trim) {
        match paragraphs.last_mut() {
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(line);
            }
            _ => paragraphs.push(String::new()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_escaped() {
        let hostile = "</script><script>alert('x')</script>\"'; drop table x; --";
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let field = Field { name: hostile.to_owned(), kind: crate::export::Kind::Text, longest: 0, fractions: false };
        let question = Question {
            name: "q".to_owned(),
            title: hostile.to_owned(),
            description: Some(format!("one\n\n{hostile}\n")),
            chart: Some(Err(hostile.to_owned())),
            fields: vec![field],
            first: vec![vec![Some(hostile.to_owned())].into(), vec![None].into()],
            rows: 2,
            exports: vec![Format::Csv],
            others: vec![hostile.to_owned()],
            ..Question::default()
        };
        let failed = Question { failed: Some(hostile.to_owned()), ..Question::default() };
        let html = Page { made: at, built: None, failed: Some(at), questions: vec![question, failed] }.html();
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains("&lt;script&gt;alert('x')&lt;/script&gt;&quot;'; drop table x; --"));
        assert!(html.contains("<p class=\"text\">one</p>"));
        for word in ["http://", "https://", "url(", "@import", " src="] {
            assert_eq!(html.replace("http://www.w3.org/2000/svg", "").find(word), None, "{word}");
        }
    }
}
