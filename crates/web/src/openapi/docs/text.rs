//! Running text in pieces, so that the template escapes every one of them and no markup is ever put together here.

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Words.
    Words(String),
    /// Something to be typed or read literally.
    Code(String),
    /// A schema by name, shown as a link to its place on the page.
    Schema(String),
}

/// Takes a paragraph of Markdown apart. Of Markdown the document uses only `code`.
pub(super) fn pieces(markdown: &str) -> Vec<Piece> {
    let parts = markdown.trim().split('`').enumerate().filter(|(_, part)| !part.is_empty());
    let piece = |(index, part): (usize, &str)| {
        if index % 2 == 1 { Piece::Code(part.into()) } else { Piece::Words(part.into()) }
    };
    parts.map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_words() {
        assert_eq!(
            pieces("`id` of `<b>`.\n"),
            [
                Piece::Code("id".into()),
                Piece::Words(" of ".into()),
                Piece::Code("<b>".into()),
                Piece::Words(".".into())
            ]
        );
        assert_eq!(pieces(""), []);
    }
}
