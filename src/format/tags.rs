//! The tags of a text in XML, one after the other, without its structure.

use std::io::{self, BufRead};

/// Reads tag after tag.
pub(super) struct Tags<R> {
    input: R,
    pub tag: Vec<u8>,
    /// The text before the tag.
    pub text: Vec<u8>,
}

impl<R: BufRead> Tags<R> {
    pub(super) fn new(input: R) -> Self {
        Tags { input, tag: Vec::new(), text: Vec::new() }
    }

    /// Moves to the next tag, without its brackets; `false` at the end. Comments and instructions are passed over, and
    /// sections of characters are text.
    pub(super) fn next(&mut self) -> io::Result<bool> {
        self.text.clear();
        loop {
            self.input.read_until(b'<', &mut self.text)?;
            if self.text.pop_if(|last| *last == b'<').is_none() {
                return Ok(false);
            }
            self.tag.clear();
            loop {
                if self.input.read_until(b'>', &mut self.tag)? == 0 {
                    return Ok(false);
                }
                if self.is_whole() {
                    break;
                }
            }
            if let Some(section) = self.tag.strip_prefix(b"![CDATA[") {
                self.text.extend_from_slice(section.strip_suffix(b"]]>").unwrap_or(section));
            } else if !matches!(self.tag.first(), Some(b'!' | b'?')) {
                self.tag.pop();
                return Ok(true);
            }
        }
    }

    fn is_whole(&self) -> bool {
        let ends = |end: &[u8]| self.tag.ends_with(end);
        match self.tag.as_slice() {
            tag if tag.starts_with(b"!--") => tag.len() >= 6 && ends(b"-->"),
            tag if tag.starts_with(b"![CDATA[") => ends(b"]]>"),
            tag if tag.starts_with(b"?") => ends(b"?>"),
            // A bracket within quotes does not end the tag.
            tag => {
                let quote = tag.iter().fold(None, |open, byte| match (open, byte) {
                    (None, b'"' | b'\'') => Some(*byte),
                    (Some(quote), byte) if quote == *byte => None,
                    (open, _) => open,
                });
                quote.is_none()
            }
        }
    }

    pub(super) fn closes(&self) -> bool {
        self.tag.starts_with(b"/")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tag.ends_with(b"/")
    }

    /// The tag's name without its prefix.
    pub(super) fn name(&self) -> &[u8] {
        let tag = self.tag.strip_prefix(b"/").unwrap_or(&self.tag);
        let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(tag.len());
        local(&tag[..end])
    }

    /// The value of an attribute; `name` is without its prefix.
    pub(super) fn attribute(&self, name: &[u8]) -> Option<&[u8]> {
        let mut rest = self.tag.as_slice();
        rest = &rest[rest.iter().position(u8::is_ascii_whitespace)?..];
        loop {
            rest = rest.trim_ascii_start();
            let equals = rest.iter().position(|byte| *byte == b'=')?;
            let key = rest[..equals].trim_ascii();
            rest = rest[equals + 1..].trim_ascii_start();
            let quote = *rest.first()?;
            rest = &rest[1..];
            let end = rest.iter().position(|byte| *byte == quote)?;
            if local(key) == name {
                return Some(&rest[..end]);
            }
            rest = &rest[end + 1..];
        }
    }

    /// An attribute's text; empty if there is none.
    pub(super) fn text_of(&self, name: &[u8]) -> String {
        let text = String::from_utf8_lossy(self.attribute(name).unwrap_or_default());
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
            .iter()
            .fold(text.into_owned(), |text, (entity, letter)| text.replace(entity, letter))
    }
}

fn local(name: &[u8]) -> &[u8] {
    name.iter().rposition(|byte| *byte == b':').map_or(name, |colon| &name[colon + 1..])
}
