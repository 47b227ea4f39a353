//! Faults that tests plant in the readers, to show that skipped content is missed. Without the feature `failpoints`
//! there are none.

/// True if the thing at `place` is to be skipped here: the second one, once the fault is planted.
pub(super) fn planted(point: &str, place: usize) -> bool {
    let _ = (point, place);
    fail::fail_point!(point, place == 1, |_| true);
    false
}
