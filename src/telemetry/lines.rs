//! The format of a log line. For people: time, level, a sentence; for `logs/`: a JSON object that also holds the
//! fields of the line's load, out of its spans.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, JsonFields, Writer};
use tracing_subscriber::fmt::time::{ChronoLocal, FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::sentence::{SENTENCE, Said};
use crate::text::secrets::{hidden, hide_in};
use crate::text::shown::{json, shown};

/// A line for people.
pub(super) struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = event.metadata().level();
        let mut time = String::new();
        ChronoLocal::new("%Y-%m-%d %H:%M:%S".to_owned()).format_time(&mut Writer::new(&mut time))?;
        if line.has_ansi_escapes() {
            let colour = match *level {
                Level::TRACE => 35,
                Level::DEBUG => 34,
                Level::INFO => 32,
                Level::WARN => 33,
                Level::ERROR => 31,
            };
            write!(line, "\x1B[2m{time}\x1B[0m \x1B[{colour}m{level:>5}\x1B[0m ")?;
        } else {
            write!(line, "{time} {level:>5} ")?;
        }
        let mut said = Said::default();
        event.record(&mut said);
        // A foreign name may contain anything.
        writeln!(line, "{}", shown(&hidden(&said.line())))
    }
}

/// A line for programs.
pub(super) struct Json;

impl<S> FormatEvent<S, JsonFields> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let normalized = event.normalized_metadata();
        let about = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let (mut time, mut own) = (String::new(), String::new());
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        context.format_fields(Writer::new(&mut own), event)?;
        let mut object = Map::new();
        object.insert("timestamp".to_owned(), time.into());
        object.insert("level".to_owned(), about.level().as_str().into());
        object.insert("message".to_owned(), Value::Null);
        // The inner span knows better than the outer one, and the line itself best.
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(known) = span.extensions().get::<FormattedFields<JsonFields>>() {
                object.extend(fields(known));
            }
        }
        object.extend(fields(&own));
        object.shift_remove(SENTENCE);
        object.insert("target".to_owned(), about.target().into());
        let mut object = Value::Object(object);
        hide_in(&mut object);
        writeln!(line, "{}", json(&object.to_string()))
    }
}

fn fields(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}
