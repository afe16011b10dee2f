//! Sizes for people.

/// A number of bytes, in the unit that fits: `120 B`, `3.4 kB`, `1.2 MB`.
pub(crate) fn human_bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{}.{} kB", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(human_bytes(999), "999 B");
        assert_eq!(human_bytes(1_250), "1.2 kB");
        assert_eq!(human_bytes(3_400_000), "3.4 MB");
    }
}
