//! The token of those who may order faults.

use std::path::Path;

/// Fewer bytes than this are too easy to guess.
const MIN_TOKEN_BYTES: usize = 16;

/// More than this is not a token.
const MAX_TOKEN_BYTES: usize = 1_024;

/// A secret. It is not shown.
pub(crate) struct Token(Vec<u8>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Reads the file of a token; white space at its ends does not count.
    ///
    /// # Errors
    /// When it cannot be read, or the token is too short or too long.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
        let token = text.trim().as_bytes();
        if !(MIN_TOKEN_BYTES..=MAX_TOKEN_BYTES).contains(&token.len()) {
            return Err(format!(
                "{shown}: the token has {} bytes, {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} are allowed",
                token.len()
            ));
        }
        Ok(Self(token.to_vec()))
    }

    /// Whether this is it. How long that takes tells nothing about where the first wrong byte is.
    pub(crate) fn is(&self, presented: &str) -> bool {
        let (mine, theirs) = (&self.0, presented.as_bytes());
        let differs = mine.iter().zip(theirs).fold(0, |differs, (a, b)| differs | (a ^ b));
        differs == 0 && mine.len() == theirs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "  0123456789abcdef\n").unwrap();
        let token = Token::read(&path).unwrap();
        assert!(token.is("0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0"] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn a_token_that_is_easy_to_guess_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "secret\n").unwrap();
        let why = Token::read(&path).unwrap_err();
        assert!(why.contains("has 6 bytes, 16 to 1024 are allowed"), "{why}");
        assert!(Token::read(&folder.path().join("none")).unwrap_err().contains("none: "));
    }
}
