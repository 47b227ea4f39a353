//! Order of files that are loaded side by side, each in its place. Files of one table that are there together get their
//! loads' numbers in the order of these places; their reading, copying and checking goes on at the same time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The files in hand, in the order in which they were taken, each with the table that it has no number in yet.
#[derive(Debug, Default)]
pub struct Order {
    in_hand: Mutex<BTreeMap<u64, InHand>>,
}

/// A file in hand.
#[derive(Debug)]
struct InHand {
    name: String,
    expected: Expected,
    /// The turn that it waits for.
    waits: Option<Turn>,
    turn: Arc<Notify>,
    /// The sheets that it has, each with its table, as far as a workbook of its is open.
    sheets: Vec<SheetTable>,
}

/// A turn of a file among those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Turn {
    /// For its number in this table.
    Number(String),
    /// For the tables of its sheets, the first of which is this one.
    Sheets(String),
}

/// A sheet, by the name of its part, and its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetTable {
    /// The name of the part: `book.xlsx/Prices`.
    pub source: String,
    /// The staging table, without its schema.
    pub table: String,
}

/// Table in which a file has no number yet.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// No table.
    Nothing,
    /// Any table: the file's contents are not known yet.
    Anything,
    /// A table of a workbook's sheets.
    Sheets(Sheets),
    /// This table.
    Table(String),
}

/// The tables that the sheets of a workbook may go into, known before it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheets {
    /// The table of the file's name. A sheet's table is it, or begins with it and `_`.
    pub own: String,
    /// The tables that plugins name.
    pub others: Vec<String>,
}

impl Expected {
    /// True if the file keeps another one waiting.
    fn holds(&self, turn: &Turn) -> bool {
        match turn {
            Turn::Number(table) => self.may_be(table),
            Turn::Sheets(own) => self.may_have_sheets_of(own),
        }
    }

    /// True for a file that is not open yet and may be a workbook whose tables begin with the same name.
    fn may_have_sheets_of(&self, own: &str) -> bool {
        let begins = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('_'));
        match self {
            Expected::Nothing | Expected::Table(_) => false,
            Expected::Anything => true,
            Expected::Sheets(sheets) => sheets.own == own || begins(&sheets.own, own) || begins(own, &sheets.own),
        }
    }

    fn may_be(&self, table: &str) -> bool {
        match self {
            Expected::Nothing => false,
            Expected::Anything => true,
            Expected::Sheets(Sheets { own, others }) => {
                table.strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
                    || others.iter().any(|other| other == table)
            }
            Expected::Table(other) => other == table,
        }
    }
}

/// Place of a file in the order. Dropping it marks the file as done.
#[derive(Debug)]
pub struct Place {
    order: Arc<Order>,
    number: u64,
}

impl Order {
    /// Takes the place after all that are in hand.
    pub fn join(self: &Arc<Self>) -> Place {
        let mut in_hand = self.in_hand();
        let number = in_hand.last_key_value().map_or(0, |(last, _)| last + 1);
        in_hand.insert(
            number,
            InHand {
                name: String::new(),
                expected: Expected::Nothing,
                waits: None,
                turn: Arc::default(),
                sheets: Vec::new(),
            },
        );
        Place { order: Arc::clone(self), number }
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeMap<u64, InHand>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the files whose turn it is now, and no others: else each change would have all of the waiting ones look.
fn wake(in_hand: &BTreeMap<u64, InHand>) {
    let mut before: Vec<&Expected> = Vec::new();
    for file in in_hand.values() {
        if file.waits.as_ref().is_some_and(|turn| !before.iter().any(|one| one.holds(turn))) {
            file.turn.notify_one();
        }
        match &file.expected {
            Expected::Nothing => {}
            Expected::Anything => return,
            expected => before.push(expected),
        }
    }
}

impl Place {
    /// States the file's name, for those that wait for it.
    pub fn called(&self, name: &str) {
        if let Some(own) = self.order.in_hand().get_mut(&self.number) {
            name.clone_into(&mut own.name);
        }
    }

    /// States the table that the file goes into: those after it wait with their numbers in that table.
    pub fn expect(&self, table: &str) {
        self.set(Expected::Table(table.to_owned()));
    }

    /// States that the file's tables are not known before it is open: those after it wait until then.
    pub fn expect_any(&self) {
        self.set(Expected::Anything);
    }

    /// States the tables that a workbook's sheets may go into: those after it wait with their numbers in these until it is open.
    pub fn expect_sheets(&self, sheets: Sheets) {
        self.set(Expected::Sheets(sheets));
    }

    /// Waits until each file before it has its number in the table, or is done; `tell` hears the names of those that it
    /// waits for.
    pub async fn turn(&self, table: &str, tell: impl Fn(&str)) {
        self.wait_for(&Turn::Number(table.to_owned()), tell).await;
    }

    /// Waits until each file before it that may be a workbook of this table is open, as [`Place::turn`] does; gives the
    /// sheets of those that are not done, in the order of their places. Those that are done are in the catalog by then.
    pub async fn sheets_before(&self, own: &str, tell: impl Fn(&str)) -> Vec<SheetTable> {
        self.wait_for(&Turn::Sheets(own.to_owned()), tell).await;
        self.order.in_hand().range(..self.number).flat_map(|(_, before)| before.sheets.clone()).collect()
    }

    /// States the tables of the sheets of a workbook, for the files after it.
    pub fn has_sheets(&self, sheets: Vec<SheetTable>) {
        if let Some(own) = self.order.in_hand().get_mut(&self.number) {
            own.sheets.extend(sheets);
        }
    }

    async fn wait_for(&self, turn: &Turn, tell: impl Fn(&str)) {
        // A change between a look and the wait is kept for the wait.
        while let Some((before, notice)) = self.look(turn) {
            tell(&before);
            notice.notified().await;
        }
    }

    /// The file before it that keeps it waiting, and the notice to wait for; `None` if it is its turn.
    fn look(&self, turn: &Turn) -> Option<(String, Arc<Notify>)> {
        let mut in_hand = self.order.in_hand();
        let before = in_hand.range(..self.number).find(|(_, before)| before.expected.holds(turn));
        let before = before.map(|(_, before)| before.name.clone());
        let own = in_hand.get_mut(&self.number)?;
        own.waits = before.is_some().then(|| turn.clone());
        before.map(|before| (before, Arc::clone(&own.turn)))
    }

    /// States that the file is open now and has several parts: those after it wait no longer than for its table, if its
    /// name decides that.
    pub fn expect_parts(&self) {
        let is_open = |own: &InHand| matches!(own.expected, Expected::Anything | Expected::Sheets(_));
        let is_any = self.order.in_hand().get(&self.number).is_some_and(is_open);
        if is_any {
            self.set(Expected::Nothing);
        }
    }

    /// States that the file has its number, so that the next one may get its own.
    pub fn numbered(&self) {
        self.set(Expected::Nothing);
    }

    fn set(&self, expected: Expected) {
        let mut in_hand = self.order.in_hand();
        let Some(own) = in_hand.get_mut(&self.number) else { return };
        if std::mem::replace(&mut own.expected, expected) != Expected::Nothing {
            wake(&in_hand);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut in_hand = self.order.in_hand();
        in_hand.remove(&self.number);
        wake(&in_hand);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workbook_holds_back_the_tables_of_its_sheets_alone() {
        let order = Arc::new(Order::default());
        let (book, after) = (order.join(), order.join());
        book.expect_sheets(Sheets { own: "book".to_owned(), others: vec!["stock".to_owned()] });
        let waits = |table: &str| after.look(&Turn::Number(table.to_owned())).is_some();
        let waits_with_sheets = |own: &str| after.look(&Turn::Sheets(own.to_owned())).is_some();
        let of_sheets = ["book", "book_may", "boo", "books", "stock"].map(waits_with_sheets);
        assert_eq!(of_sheets, [true, true, false, false, false]);
        assert_eq!(["book", "book_may", "stock", "books", "orders"].map(waits), [true, true, true, false, false]);
        book.expect_parts();
        assert!(!waits("book_may") && !waits_with_sheets("book"));
    }

    #[tokio::test]
    async fn numbers_of_one_table_are_given_in_the_order_of_the_places() {
        let order = Arc::new(Order::default());
        let (one, two, three) = (order.join(), order.join(), order.join());
        one.expect_any();
        tokio::select! {
            biased;
            () = two.turn("b", |_| ()) => panic!("it has not waited"),
            () = std::future::ready(()) => {}
        }
        one.expect("a");
        two.expect("b");
        // The file before is of another table.
        two.turn("b", |_| ()).await;
        let last = tokio::spawn(async move { three.turn("a", |_| ()).await });
        tokio::task::yield_now().await;
        assert!(!last.is_finished());
        one.numbered();
        last.await.unwrap();
        one.expect("a");
        drop(one);
        order.join().turn("a", |_| ()).await;
    }

    #[tokio::test]
    async fn of_many_that_wait_those_are_woken_whose_turn_it_is() {
        let order = Arc::new(Order::default());
        let first = order.join();
        first.expect_any();
        let tables = ["a", "b", "a", "b", "a"];
        let places = tables.map(|table| (order.join(), table));
        places.iter().for_each(|(place, table)| place.expect(table));
        let (sender, mut done) = tokio::sync::mpsc::unbounded_channel();
        for (number, (place, table)) in places.into_iter().enumerate() {
            let sender = sender.clone();
            tokio::spawn(async move {
                place.turn(table, |_| ()).await;
                sender.send(number).unwrap();
                // The next one's turn begins with the number, not only when the file is done.
                if number % 2 == 0 { place.numbered() } else { drop(place) }
            });
        }
        tokio::task::yield_now().await;
        assert!(done.try_recv().is_err());
        // A load may be ended while it waits.
        let given_up = order.join();
        given_up.expect("a");
        tokio::select! {
            biased;
            () = given_up.turn("a", |_| ()) => panic!("it has not waited"),
            () = std::future::ready(()) => {}
        }
        drop(given_up);
        first.numbered();
        let mut numbers = Vec::new();
        for _ in tables {
            numbers.push(done.recv().await.unwrap());
        }
        let of = |table| numbers.iter().copied().filter(|number| tables[*number] == table).collect::<Vec<_>>();
        assert_eq!((of("a"), of("b")), (vec![0, 2, 4], vec![1, 3]));
    }
}
