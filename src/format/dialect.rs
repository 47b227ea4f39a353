//! How a text file is cut into cells, and how that is found out.

use serde::Serialize;

use super::csv::split;

/// How a delimited text is written. Cells may be quoted with `"`, doubled inside; records end with LF or CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Dialect {
    /// The byte between cells.
    #[serde(serialize_with = "as_char")]
    pub delimiter: u8,
    /// Whether the bytes begin with a UTF-8 byte order mark.
    pub bom: bool,
}

fn as_char<S: serde::Serializer>(byte: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_char(char::from(*byte))
}

/// The UTF-8 byte order mark.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What a delimiter can be. The first one stands where a file has one column.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Dialect {
    /// Finds the dialect out of the first bytes of an input: the delimiter that gives the header more than one cell
    /// and most records as many as the header; of equals, the one that gives more cells.
    pub fn detect(sample: &[u8], complete: bool) -> Dialect {
        let bom = sample.starts_with(BOM);
        let body = if bom { &sample[BOM.len()..] } else { sample };
        let delimiter = DELIMITERS
            .into_iter()
            .filter_map(|delimiter| Some((score(body, delimiter, complete)?, delimiter)))
            .max_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal))
            .map_or(DELIMITERS[0], |(_, delimiter)| delimiter);
        Dialect { delimiter, bom }
    }
}

/// Share of records with the header's width, and that width; `None` where the header has one cell.
fn score(body: &[u8], delimiter: u8, complete: bool) -> Option<(f64, usize)> {
    let mut widths = split::widths(body, delimiter, complete);
    let header = widths.next().filter(|width| *width > 1)?;
    let (mut all, mut same) = (1u32, 1u32);
    for width in widths {
        all += 1;
        same += u32::from(width == header);
    }
    Some((f64::from(same) / f64::from(all), header))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(sample: &str) -> char {
        char::from(Dialect::detect(sample.as_bytes(), true).delimiter)
    }

    #[test]
    fn the_delimiter_is_the_one_that_gives_even_records() {
        assert_eq!(delimiter("a,b\n1,2\n"), ',');
        assert_eq!(delimiter("a;b\n1,5;2,5\n3,5;4\n"), ';');
        assert_eq!(delimiter("name\tnote\nx\ta, b, c\n"), '\t');
        assert_eq!(delimiter("a|b|c\n1|2|3\n"), '|');
        assert_eq!(delimiter("\"a,x\";b\n\"1,2\";2\n"), ';');
        assert_eq!(delimiter("title\nx, y\n"), ',');
        assert_eq!(delimiter("a, b; c\n1, 2; 3\n4, 5; 6\n7, 8\n"), ',');
    }
}
