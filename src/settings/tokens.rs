//! Tokens by which programs and people are known to the HTTP API: 256 random bits, of which the settings hold the SHA-256 alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

/// The beginning of each token, by which programs that look for secrets in texts know it.
const PREFIX: &str = "sluice_";

/// Bytes of a hash.
const BYTES: usize = 32;

/// What a token allows; each scope holds the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Scope {
    /// Read what the program knows
    Read,
    /// Bring data, and start runs
    Write,
    /// Take rows away, and stop and start schedules
    Admin,
}

impl Scope {
    /// The scope as one word.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }
}

/// A token as the settings have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Name of its holder, for the log.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    hash: [u8; BYTES],
}

impl Token {
    /// A new token: the text that its holder keeps, and its entry in the settings.
    ///
    /// # Errors
    /// A name that cannot be one, or a system that gives no random bytes.
    pub fn make(name: &str, scope: Scope) -> Result<(String, Token), String> {
        let mut bits = [0; BYTES];
        SystemRandom::new().fill(&mut bits).map_err(|_| "the system gives no random bytes".to_owned())?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bits));
        Ok((text.clone(), Token { name: named(name)?, scope, hash: hash(&text) }))
    }

    /// The tokens of a setting: `name:scope:sha256`, separated by commas or blanks.
    ///
    /// # Errors
    /// In words that name the entry by its number, and show nothing of it.
    pub fn list(text: &str) -> Result<Vec<Token>, String> {
        let entries = text.split([',', ' ', '\n', '\t']).map(str::trim).filter(|entry| !entry.is_empty());
        let mut tokens: Vec<Token> = Vec::new();
        for (at, entry) in entries.enumerate() {
            let token = Token::parse(entry).map_err(|why| format!("entry {}: {why}", at + 1))?;
            if tokens.iter().any(|other| other.name == token.name) {
                return Err(format!("entry {}: the name {} is taken by another one", at + 1, token.name));
            }
            tokens.push(token);
        }
        Ok(tokens)
    }

    fn parse(entry: &str) -> Result<Token, String> {
        let wanted = "expected name:scope:sha256, as app token new prints it";
        let [name, scope, digits] = entry.split(':').collect::<Vec<_>>()[..] else { return Err(wanted.to_owned()) };
        let scope = [Scope::Read, Scope::Write, Scope::Admin].into_iter().find(|one| one.word() == scope);
        let scope = scope.ok_or_else(|| format!("{wanted}; the scope is read, write or admin"))?;
        let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok());
        let hash = hash.ok_or_else(|| format!("{wanted}; the hash has {} hexadecimal digits", 2 * BYTES))?;
        Ok(Token { name: named(name)?, scope, hash })
    }

    /// The token that a text is, compared with all in the same time whichever it is.
    pub fn known<'a>(tokens: &'a [Token], text: &str) -> Option<&'a Token> {
        let hash = hash(text);
        let mut known = None;
        for token in tokens {
            if bool::from(token.hash.ct_eq(&hash)) {
                known = Some(token);
            }
        }
        known
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:", self.name, self.scope.word())?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn hash(text: &str) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

fn named(name: &str) -> Result<String, String> {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.' | '@');
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        return Err("a token's name has up to 64 letters, digits and - _ . @".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let (text, token) = Token::make("shop", Scope::Write).unwrap();
        let (other, another) = Token::make("ops", Scope::Admin).unwrap();
        assert_eq!((text.len(), text != other), (PREFIX.len() + 43, true));
        let tokens = Token::list(&format!("{token},\n {another}")).unwrap();
        assert_eq!(tokens, [token.clone(), another.clone()]);
        assert_eq!(Token::known(&tokens, &text), Some(&token));
        assert_eq!(Token::known(&tokens, &other), Some(&another));
        for wrong in ["", &text[1..], &format!("{text} "), &token.to_string()] {
            assert_eq!(Token::known(&tokens, wrong), None);
        }
    }

    #[test]
    fn a_wrong_entry_is_named_by_its_number_and_not_shown() {
        let (_, token) = Token::make("shop", Scope::Read).unwrap();
        for (text, words) in [
            ("secret".to_owned(), "entry 1: expected name:scope:sha256"),
            (
                format!("{token},x:all:00"),
                "entry 2: expected name:scope:sha256, as app token new prints it; the scope is",
            ),
            ("x:read:00secret".to_owned(), "the hash has 64 hexadecimal digits"),
            ("a b:read:00".to_owned(), "entry 1: expected"),
            (format!("{token},{token}"), "entry 2: the name shop is taken"),
        ] {
            let why = Token::list(&text).unwrap_err();
            assert!(why.contains(words) && !why.contains("secret"), "{why}");
        }
        assert!(Token::make("a:b", Scope::Read).is_err() && Token::make("", Scope::Read).is_err());
        assert_eq!(Token::list(" ,\n").unwrap(), []);
    }
}
