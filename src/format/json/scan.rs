//! The end of one JSON value, found byte by byte: the scan goes on at the end of the previous piece of text, and knows
//! the first byte that no JSON has there. Numbers and words are runs of letters here: reading the value shows if they
//! are JSON's.

/// Arrays and objects within one another, at most.
pub(super) const MAX_DEPTH: u32 = 128;

/// The result of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The value goes on.
    More,
    /// The value ends after this many bytes of the piece.
    Done(usize),
    /// The byte of the piece at this place cannot stand there.
    Wrong(usize),
}

/// The expected next part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    /// A value or the end of the array.
    First,
    /// A key or the end of the object.
    FirstKey,
    Key,
    Colon,
    /// A comma or the end.
    Next,
    /// In a string; `key` if it is a key.
    Text {
        key: bool,
    },
    /// Behind a backslash.
    Escape {
        key: bool,
    },
    /// The hexadecimal digits still to come.
    Hex {
        key: bool,
        left: u8,
    },
    /// In a number or a word.
    Word,
}

/// The scan of a value up to the byte read last.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    state: State,
    /// The kinds of the open brackets, the innermost in the lowest bit: 1 for an object.
    open: u128,
    depth: u32,
}

impl Default for Scan {
    fn default() -> Self {
        Scan { state: State::Value, open: 0, depth: 0 }
    }
}

impl Scan {
    /// True if a key of the outermost object is expected next.
    pub(super) fn wants_outer_key(&self) -> bool {
        self.depth == 1 && matches!(self.state, State::Key | State::FirstKey)
    }

    /// Reads the next piece; `complete` says that no more comes.
    pub(super) fn feed(&mut self, piece: &[u8], complete: bool) -> Step {
        let mut at = 0;
        while at < piece.len() {
            if let State::Text { .. } = self.state {
                let is_special = |byte: &u8| matches!(byte, b'"' | b'\\') || *byte < 0x20;
                match piece[at..].iter().position(is_special) {
                    Some(length) => at += length,
                    None => return Step::More,
                }
            }
            match self.byte(piece[at]) {
                Byte::Taken if self.state == State::Next && self.depth == 0 => return Step::Done(at + 1),
                Byte::Taken => at += 1,
                Byte::Behind if self.depth == 0 => return Step::Done(at),
                Byte::Behind => {}
                Byte::Wrong => return Step::Wrong(at),
            }
        }
        if complete && self.state == State::Word && self.depth == 0 { Step::Done(piece.len()) } else { Step::More }
    }

    fn byte(&mut self, byte: u8) -> Byte {
        self.state = match (self.state, byte) {
            (State::Text { key }, b'"') => {
                if key {
                    State::Colon
                } else {
                    State::Next
                }
            }
            (State::Text { key }, b'\\') => State::Escape { key },
            (State::Text { .. }, ..0x20) => return Byte::Wrong,
            (text @ State::Text { .. }, _) => text,
            (State::Escape { key }, b'u') => State::Hex { key, left: 4 },
            (State::Escape { key }, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => State::Text { key },
            (State::Hex { key, left: 1 }, _) if byte.is_ascii_hexdigit() => State::Text { key },
            (State::Hex { key, left }, _) if byte.is_ascii_hexdigit() => State::Hex { key, left: left - 1 },
            (State::Word, _) if is_of_word(byte) => State::Word,
            (State::Word, _) => {
                self.state = State::Next;
                return Byte::Behind;
            }
            (state @ (State::Value | State::First | State::FirstKey | State::Key | State::Colon | State::Next), _)
                if byte.is_ascii_whitespace() && byte != 0x0C =>
            {
                state
            }
            (State::Value | State::First, b'"') => State::Text { key: false },
            (State::Value | State::First, b'{') if self.depth < MAX_DEPTH => self.enter(1),
            (State::Value | State::First, b'[') if self.depth < MAX_DEPTH => self.enter(0),
            (State::First, b']') => self.leave(),
            (State::Value | State::First, _) if is_of_word(byte) => State::Word,
            (State::FirstKey | State::Key, b'"') => State::Text { key: true },
            (State::FirstKey, b'}') => self.leave(),
            (State::Colon, b':') => State::Value,
            (State::Next, b',') if self.depth > 0 && self.open & 1 == 1 => State::Key,
            (State::Next, b',') if self.depth > 0 => State::Value,
            (State::Next, b'}') if self.depth > 0 && self.open & 1 == 1 => self.leave(),
            (State::Next, b']') if self.depth > 0 && self.open & 1 == 0 => self.leave(),
            _ => return Byte::Wrong,
        };
        Byte::Taken
    }

    fn enter(&mut self, kind: u128) -> State {
        self.open = self.open << 1 | kind;
        self.depth += 1;
        if kind == 1 { State::FirstKey } else { State::First }
    }

    fn leave(&mut self) -> State {
        self.open >>= 1;
        self.depth -= 1;
        State::Next
    }
}

/// The result of a byte.
enum Byte {
    Taken,
    /// The byte ends the value before it and is no part of it.
    Behind,
    Wrong,
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Step {
        Scan::default().feed(text.as_bytes(), true)
    }

    #[test]
    fn a_value_ends_where_it_ends_and_the_first_wrong_byte_is_known() {
        for text in
            ["{\"a\": [1, {\"b\": \"x\\\"]\\u00e4\"}], \"c\":{}}", "[]", "\"x\"", " [1 , 2 ]", "{\"a\":NaN}", "-1.5e3"]
        {
            assert_eq!(scan(text), Step::Done(text.len()), "{text}");
            assert_eq!(scan(&format!("{text},")), Step::Done(text.len()), "{text}");
        }
        for (text, at) in [
            (r#"{"name":"5" pipe"}"#, 12),
            (r#"{"a":1,}"#, 7),
            ("{\"a\":\"x\n\"}", 7),
            (r#"{"a":[1}"#, 7),
            (r#"{'a':1}"#, 1),
            (r#"{"a":1 "b":2}"#, 7),
            (r#"{"a":1,{"#, 7),
            (r#"{"a":"\x"}"#, 7),
            ("[1,]", 3),
            ("// x", 0),
        ] {
            assert_eq!(scan(text), Step::Wrong(at), "{text}");
        }
        assert_eq!(scan("{\"a\":[1,"), Step::More);
        assert_eq!(scan(&"[".repeat(200)), Step::Wrong(MAX_DEPTH as usize));
    }

    proptest::proptest! {
        #[test]
        fn it_is_the_same_wherever_a_piece_ends(text in r#"[\[\]{}",:\\ \nu0-9a-f]{0,40}"#, cut in 0usize..40) {
            let cut = cut.min(text.len());
            let mut scan = Scan::default();
            let cut_up = match scan.feed(&text.as_bytes()[..cut], false) {
                Step::More => match scan.feed(&text.as_bytes()[cut..], true) {
                    Step::Done(at) => Step::Done(at + cut),
                    Step::Wrong(at) => Step::Wrong(at + cut),
                    Step::More => Step::More,
                },
                ended => ended,
            };
            proptest::prop_assert_eq!(cut_up, Scan::default().feed(text.as_bytes(), true));
        }

        #[test]
        fn what_is_json_is_a_value(text in r#"[\[\]{}",:\\ \nu0-9a-f]{0,30}"#) {
            for text in [text.clone(), format!("[{text}]"), format!("{{\"a\":{text}}}"), format!("\"{text}\"")] {
                if serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok() {
                    proptest::prop_assert_eq!(scan(text.trim_end()), Step::Done(text.trim_end().len()));
                }
            }
        }
    }
}
