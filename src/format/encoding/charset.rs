//! The encodings by their names: those of the WHATWG, and the code pages of DOS, which the WHATWG does not have.

use std::borrow::Cow;

use encoding_rs::Encoding;

use crate::format::zip_names::{CP437, CP850, latin};

/// An encoding of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// An encoding of the WHATWG.
    Known(&'static Encoding),
    /// Code page 850, of DOS in Western Europe.
    Cp850,
    /// Code page 437, of DOS in the United States.
    Cp437,
}

impl From<&'static Encoding> for Charset {
    fn from(encoding: &'static Encoding) -> Charset {
        Charset::Known(encoding)
    }
}

impl Charset {
    /// The encoding for a label of the WHATWG, or for one of the usual names of a code page.
    pub fn for_label(label: &str) -> Option<Charset> {
        match label.trim().to_ascii_lowercase().as_str() {
            "cp850" | "ibm850" | "850" | "ibm-850" => Some(Charset::Cp850),
            "cp437" | "ibm437" | "437" | "ibm-437" => Some(Charset::Cp437),
            label => Encoding::for_label(label.as_bytes()).map(Charset::Known),
        }
    }

    /// The name, which is a label too.
    pub fn name(self) -> &'static str {
        match self {
            Charset::Known(encoding) => encoding.name(),
            Charset::Cp850 => "cp850",
            Charset::Cp437 => "cp437",
        }
    }

    /// The 128 letters beyond ASCII of a code page of DOS.
    pub(super) fn upper_half(self) -> Option<&'static str> {
        match self {
            Charset::Known(_) => None,
            Charset::Cp850 => Some(CP850),
            Charset::Cp437 => Some(CP437),
        }
    }

    /// The text of whole lines; `None` if they are not valid in the encoding.
    pub(super) fn decode(self, lines: &[u8]) -> Option<Cow<'_, str>> {
        match (self, self.upper_half()) {
            (Charset::Known(encoding), _) => encoding.decode_without_bom_handling_and_without_replacement(lines),
            (_, table) => table.map(|table| Cow::Owned(latin(lines, table))),
        }
    }
}
