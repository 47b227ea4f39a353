use libtest_mimic::Trial;
pub fn cases() -> Vec<Trial> { Vec::new() }
