//! Records that are read the same wherever in a long text they stand, whatever its beginning shows.

use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        a_quote_behind_a_blank_encloses_its_cell;
}

/// Records whose quotes stand behind a blank, with `;` for the delimiter, and the cells of each: of them two are text, and one is refused.
const PADDED: &str = "
k1; \"b;c\" ;d;1
k2;\t\"b\";c;2
k3; \"b
b\" ;c;3
k4;b;c; \"d;4\"
k5; \"b \"\"q\"\" ;c\";d;5
k6; \"b \"c\" d\";e;6
k7; \"b\" c;d;7
k8; \"b;c;8
k9; \"b;c\" d;9
";

const CELLS: &str =
    "k1|b;c|d|1\nk2|b|c|2\nk3|b\nb|c|3\nk4|b|c|d;4\nk5|b \"q\" ;c|d|5\nk6|b \"c\" d|e|6\nk7| \"b\" c|d|7\nk8| \"b|c|8";

/// Bytes of a text before the records that are looked at.
const BEFORE: [usize; 2] = [0, 1_200_000];

async fn a_quote_behind_a_blank_encloses_its_cell(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut number = 0;
    for (delimiter, line_end) in [(";", "\n"), (",", "\r\n"), ("|", "\n")] {
        for before in BEFORE {
            number += 1;
            let mut text = "key;one;two;three\n".to_owned();
            for row in 0..=before / 1_000 {
                text += &format!("r{row};\"a\";b;{}\n", "c".repeat(1_000));
            }
            text += PADDED.trim_start();
            let text = text.replace(';', delimiter).replace('\n', line_end);
            let books = workdir.load(&database, &format!("t{number}.csv"), text).await?.books;
            same((books.rejected, books.extended, books.padded), (1, 0, 0))?;
            let sql = format!("select key, one, two, three from staging.t{number} where key like 'k%' order by key");
            let expected = CELLS.replace("b\nb", &format!("b{line_end}b")).replace(';', delimiter);
            let found = database.text(&sql).await?;
            same(found.replace('\r', ""), expected.replace('\r', ""))?;
        }
    }
    same(database.text("select distinct text from sluice.reject where text like '%;%'").await?, "k9; \"b;c\" d;9")
}
