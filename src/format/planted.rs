//! Faults that tests plant in the readers, to show that what they skip is missed. Without the feature `failpoints` there are none.

/// Whether the second of the things that are gone through is to be skipped here.
pub(super) fn planted(point: &str, place: usize) -> bool {
    let _ = (point, place);
    fail::fail_point!(point, place == 1, |_| true);
    false
}
