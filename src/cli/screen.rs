//! Standard output as people see it: on a terminal no line is wider than it, and what is well or not has a colour; in a pipe lines are
//! as long as they are, without one escape code. The terminal is never queried.

use std::fmt::Arguments;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use unicode_width::UnicodeWidthStr;

use crate::text::heard;
use crate::text::secrets::hidden;
use crate::text::shown::lines;

/// Columns of a terminal that does not know how many it has.
const USUAL: usize = 80;

/// Columns below which nothing is made to fit.
const LEAST: usize = 20;

/// Signs in a word after which a line may end, where the word is longer than the line.
const JOINTS: &[char] = &['/', '_', '-', ',', ';', ':', '.', '=', '&', '?'];

static LOOK: OnceLock<Look> = OnceLock::new();

/// The look of standard output.
#[derive(Clone, Copy, Default)]
struct Look {
    /// Columns of the terminal; none in a pipe.
    width: Option<usize>,
    colour: bool,
}

/// Says once, before anything is printed, whether colours are `welcome` and how many columns the user states (`COLUMNS`).
/// Both hold on a terminal only.
pub fn set_look(welcome: bool, columns: Option<usize>) {
    if io::stdout().is_terminal() {
        let asked = || rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
        let width = columns.or_else(asked).filter(|columns| *columns > 0).unwrap_or(USUAL);
        // Fails only where it was said before.
        let _ = LOOK.set(Look { width: Some(width.max(LEAST)), colour: welcome });
    }
}

fn look() -> Look {
    LOOK.get().copied().unwrap_or_default()
}

/// Columns of the terminal; none where standard output is none.
pub(super) fn width() -> Option<usize> {
    look().width
}

/// The tone of a text: good, bad or in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// It is well.
    Good,
    /// It needs an eye.
    Doubt,
    /// It needs somebody.
    Bad,
    /// It is said beside.
    Aside,
}

/// The text in the colour of its tone, where there are colours.
pub(super) fn coloured(text: &str, tone: Option<Tone>) -> String {
    let Some(tone) = tone.filter(|_| look().colour && !text.is_empty()) else { return text.to_owned() };
    let code = match tone {
        Tone::Good => 32,
        Tone::Doubt => 33,
        Tone::Bad => 31,
        Tone::Aside => 2,
    };
    format!("\x1B[{code}m{text}\x1B[0m")
}

/// Standard output.
pub(super) fn stdout() -> Screen {
    Screen(None)
}

/// Standard output for lines of this tone.
pub(super) fn toned(tone: Tone) -> Screen {
    Screen(Some(tone))
}

/// Writes whole lines, without secrets and without what would move the cursor.
pub(super) struct Screen(Option<Tone>);

impl Write for Screen {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let all = hidden(&String::from_utf8_lossy(text)).into_owned();
        let all = lines(&all);
        let mut out = String::with_capacity(all.len());
        for line in all.split_inclusive('\n') {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            let hang = line.len() - line.trim_start_matches(' ').len() + 2;
            let parts = width().map_or_else(|| vec![line.to_owned()], |width| wrapped(line, width, hang));
            let parts: Vec<_> = parts.iter().map(|part| coloured(part, self.0)).collect();
            out += &parts.join("\n");
            out += end;
        }
        heard::stdout().write_all(out.as_bytes())?;
        Ok(text.len())
    }

    fn write_fmt(&mut self, text: Arguments<'_>) -> io::Result<()> {
        self.write(text.to_string().as_bytes()).map(|_| ())
    }

    fn flush(&mut self) -> io::Result<()> {
        heard::stdout().flush()
    }
}

/// The text in lines of at most this many columns, those after the first behind `hang` blanks. Lines end at blanks, and within a word
/// only where it is too long for a line of its own.
pub(super) fn wrapped(text: &str, width: usize, hang: usize) -> Vec<String> {
    let hang = if hang < width / 2 { hang } else { 0 };
    let (mut done, mut line) = (Vec::new(), String::new());
    let mut begins = 0;
    for word in text.split_inclusive(' ') {
        let is_full = (line.as_str().width() + word.trim_end_matches(' ').width()) > width;
        if is_full && line.len() > begins && !line.trim().is_empty() {
            begins = end_line(&mut done, &mut line, String::new(), hang);
        }
        for letter in word.chars() {
            line.push(letter);
            if line.as_str().width() <= width {
                continue;
            }
            if letter == ' ' {
                line.pop();
                continue;
            }
            let rest = line.split_off(joint(&line, begins));
            if !line.is_empty() {
                begins = end_line(&mut done, &mut line, rest, hang);
            } else {
                line = rest;
            }
        }
    }
    done.push(line.trim_end_matches(' ').to_owned());
    if done.len() > 1 && done.last().is_some_and(|last| last.trim().is_empty()) {
        done.pop();
    }
    done
}

/// Ends a line and begins the next one behind its blanks; gives how many bytes they are.
fn end_line(done: &mut Vec<String>, line: &mut String, rest: String, hang: usize) -> usize {
    done.push(line.trim_end_matches(' ').to_owned());
    *line = " ".repeat(hang) + &rest;
    hang
}

/// The byte of a line that is too long by its last sign at which its rest goes to the next line.
fn joint(line: &str, begins: usize) -> usize {
    let last = line.char_indices().next_back().map_or(0, |(at, _)| at);
    let half = begins + (last - begins.min(last)) / 2;
    let after = line[..last].rfind(JOINTS).map(|at| at + 1);
    after.filter(|at| *at > half).unwrap_or(if last > begins { last } else { line.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_blanks() {
        assert_eq!(wrapped("a bc def ghij", 6, 2), ["a bc", "  def", "  ghij"]);
        assert_eq!(wrapped("a bc", 6, 2), ["a bc"]);
        assert_eq!(wrapped("", 6, 2), [""]);
        assert_eq!(wrapped("  a b c", 4, 1), ["  a", " b c"]);
    }

    #[test]
    fn words_that_are_too_long_end_behind_a_joint() {
        assert_eq!(wrapped("imports/failed/x.csv", 16, 0), ["imports/failed/", "x.csv"]);
        assert_eq!(wrapped("abcdefghij", 4, 0), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("x abcdefghij", 4, 0), ["x", "abcd", "efgh", "ij"]);
    }

    #[test]
    fn no_line_is_wider_and_no_sign_is_lost() {
        let texts = [
            "Umsätze – März 売上売上売上売上.csv",
            "🚚🚚🚚🚚🚚 e\u{301}e\u{301}e\u{301}e\u{301}",
            "❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}",
            " a  b   c    d     ",
        ];
        for text in texts {
            for width in 2..30 {
                let lines = wrapped(text, width, 1);
                assert!(lines.iter().all(|line| line.as_str().width() <= width), "{width} {lines:?}");
                let bare = |text: &str| text.replace(' ', "");
                assert_eq!(bare(&lines.concat()), bare(text));
            }
        }
    }
}
