//! Text inside of HTML.

use std::fmt;

/// Writes into a string, which does not fail.
macro_rules! put {
    ($to:expr, $($text:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($to, $($text)*);
    }};
}

/// A text whose characters mean nothing to HTML, also inside of a quoted attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Esc<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Esc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.to_string().chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if c.is_control() && c != '\n' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        let shown = Esc("<b title='x'>\"&\u{7}").to_string();
        assert_eq!(shown, "&lt;b title=&#39;x&#39;&gt;&quot;&amp;\u{fffd}");
    }
}
