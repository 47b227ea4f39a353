//! The files of the sequences: few keys, few values, so that they meet.

/// What a file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dataset {
    Customers,
    Orders,
    Tags,
    Shops,
    Promos,
    Visits,
    Fees,
}

/// More of those that more hangs on.
const LIKELY: [Dataset; 13] = [
    Dataset::Customers,
    Dataset::Customers,
    Dataset::Customers,
    Dataset::Orders,
    Dataset::Orders,
    Dataset::Orders,
    Dataset::Tags,
    Dataset::Shops,
    Dataset::Shops,
    Dataset::Promos,
    Dataset::Promos,
    Dataset::Visits,
    Dataset::Fees,
];

/// Amounts, by the scale of a file.
const DECIMALS: [&[&str]; 4] = [
    &["0", "5", "25", "30", "75", ""],
    &["0.0", "1.5", "25.5", "30", "75.0", ""],
    &["0", "2.25", "25.50", "30.01", "100", ""],
    &["0.001", "1.500", "20.125", "49.999", "75", ""],
];

/// Makes files; orders and visits are numbered, so that no two have one number.
#[derive(Default)]
pub struct Files {
    orders: u32,
    visits: u32,
}

impl Dataset {
    pub const ALL: [Dataset; 7] = [
        Dataset::Customers,
        Dataset::Orders,
        Dataset::Tags,
        Dataset::Shops,
        Dataset::Promos,
        Dataset::Visits,
        Dataset::Fees,
    ];

    pub fn any(dice: &mut fastrand::Rng) -> Dataset {
        LIKELY[dice.usize(..LIKELY.len())]
    }

    pub fn file_name(self) -> String {
        format!("{self:?}.csv").to_lowercase()
    }

    fn header(self) -> &'static str {
        match self {
            Dataset::Customers => "customer_id,name,city,changed_on",
            Dataset::Orders => "order_id,customer_id,friend_id,order_date,amount,t1,t2,tip,fee",
            Dataset::Tags => "tag,label,since",
            Dataset::Shops => "shop_id,city,changed_on",
            Dataset::Promos => "promo,rate,since",
            Dataset::Visits => "visit_id,shop_id,promo,visited_on",
            Dataset::Fees => "fee,label",
        }
    }

    /// A row with a value in every column, so that each has its type, but for an order's friend and tip.
    fn first(self) -> &'static str {
        match self {
            Dataset::Customers => "1,Ann,Bern,2024-01-10",
            Dataset::Orders => "0,1,,2024-01-12,10.0,a,d,,0.5",
            Dataset::Tags => "a,first,2024-01-01",
            Dataset::Shops => "1,Bern,2024-01-01",
            Dataset::Promos => "p,1,2024-01-01",
            Dataset::Visits => "0,1,p,2024-01-20",
            Dataset::Fees => "0.5,low",
        }
    }
}

impl Files {
    /// A dataset's first file.
    pub fn first(dataset: Dataset) -> String {
        format!("{}\n{}\n", dataset.header(), dataset.first())
    }

    pub fn any(&mut self, dataset: Dataset, dice: &mut fastrand::Rng) -> String {
        let mut rows = vec![dataset.header().to_owned()];
        // What a file names only once.
        let mut taken = Vec::new();
        let scale = dice.usize(..4);
        for _ in 0..dice.usize(1..5) {
            let row = self.row(dataset, scale, dice);
            let key = row.split(',').next().unwrap_or_default().to_owned();
            if dataset == Dataset::Promos && taken.contains(&key) {
                continue;
            }
            taken.push(key);
            rows.push(row);
        }
        rows.join("\n") + "\n"
    }

    /// Orders of which one has a number that is given.
    pub fn repeated_order() -> String {
        format!("{}\n{1},,,2024-01-01,5,a,,,\n{1},,,2024-01-01,6,b,,,\n", Dataset::Orders.header(), 1_000_000)
    }

    /// `scale`: how many digits behind the point the file's decimals have at most.
    fn row(&mut self, dataset: Dataset, scale: usize, dice: &mut fastrand::Rng) -> String {
        let any = |dice: &mut fastrand::Rng, values: &[&str]| values[dice.usize(..values.len())].to_owned();
        match dataset {
            Dataset::Customers => format!(
                "{},{},{},{}",
                dice.u8(1..5),
                any(dice, &["Ann", "Bob", "Cid"]),
                any(dice, &["Bern", "Zug", "Genf", ""]),
                any(dice, &["2024-01-05", "2024-01-10", "2024-01-15", "2024-01-20", "2024-02-01", "2024-02-10"]),
            ),
            Dataset::Orders => {
                self.orders += 1;
                format!(
                    "{},{},{},{},{},{},{},{},{}",
                    self.orders,
                    any(dice, &["1", "2", "3", "4", "5", "6", ""]),
                    any(dice, &["1", "2", "4", "5", "7", "", ""]),
                    any(
                        dice,
                        &["2023-12-31", "2024-01-05", "2024-01-12", "2024-01-15", "2024-01-31", "2024-02-10", ""]
                    ),
                    any(dice, DECIMALS[scale]),
                    any(dice, &["a", "b", "c", ""]),
                    any(dice, &["d", " e ", ""]),
                    any(dice, &["", "0", "-1.5", "2.25", "100", "0.10", "1234567890.891"]),
                    any(dice, &["0.5", "0.50", "1.25", "3", "3.0", "100", ""]),
                )
            }
            Dataset::Tags => format!(
                "{},{},{}",
                any(dice, &["a", "b", "c", "d"]),
                any(dice, &["first", "second", ""]),
                any(dice, &["2024-01-01", "2024-02-01", "2024-03-01"]),
            ),
            Dataset::Shops => format!(
                "{},{},{}",
                dice.u8(1..4),
                any(dice, &["Bern", "Zug", ""]),
                any(dice, &["2024-01-01", "2024-01-15", "2024-02-01"]),
            ),
            Dataset::Promos => format!(
                "{},{},{}",
                any(dice, &["p", "q", "r"]),
                dice.u8(1..4),
                any(dice, &["2024-01-01", "2024-02-01", "2024-03-01", "2999-01-01", "2999-01-02"])
            ),
            Dataset::Fees => format!(
                "{},{}",
                any(dice, &["0.5", "0.500", "1.250", "3", "3.00", "100", "1.25", "X1"]),
                any(dice, &["low", "high", ""]),
            ),
            Dataset::Visits => {
                self.visits += 1;
                format!(
                    "{},{},{},{}",
                    self.visits,
                    any(dice, &["1", "2", "3", "4", ""]),
                    any(dice, &["p", "q", "r", "s", ""]),
                    any(dice, &["2024-01-10", "2024-02-10", "2031-01-01", ""]),
                )
            }
        }
    }
}
