//! Tables for people: columns as wide as their widest cell, two blanks between them, no frame.

use anstyle::Style;

use super::{DIM, paint};

/// A column's heading, and the side to which its cells are moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    heading: &'static str,
    right: bool,
}

/// A column of words.
pub(crate) const fn left(heading: &'static str) -> Column {
    Column {
        heading,
        right: false,
    }
}

/// A column of numbers.
pub(crate) const fn right(heading: &'static str) -> Column {
    Column {
        heading,
        right: true,
    }
}

/// What stands in one place of a table. The text has no styles of its own, which would count as width.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Option<Style>,
    wide: bool,
}

impl Cell {
    /// A cell in this style.
    pub(crate) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Some(style),
            wide: false,
        }
    }

    /// A cell in this style that runs over the empty ones behind it and makes no column wider.
    pub(crate) fn wide(style: Style, text: impl Into<String>) -> Self {
        Self {
            wide: true,
            ..Self::styled(style, text)
        }
    }

    fn width(&self) -> usize {
        if self.wide {
            0
        } else {
            self.text.chars().count()
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            style: None,
            wide: false,
        }
    }
}

/// The lines of a table, the headings first.
pub(crate) fn columns<const N: usize>(columns: &[Column; N], rows: &[[Cell; N]]) -> Vec<String> {
    let headings = columns.map(|column| Cell::styled(DIM, column.heading));
    let widths = rows
        .iter()
        .fold(headings.each_ref().map(Cell::width), |mut widths, row| {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
            widths
        });
    std::iter::once(&headings)
        .chain(rows)
        .map(|row| line(columns, &widths, row))
        .collect()
}

fn line<const N: usize>(columns: &[Column; N], widths: &[usize; N], row: &[Cell; N]) -> String {
    let mut line = String::new();
    // Blanks wait until something stands behind them.
    let mut blanks = 0;
    for ((column, width), cell) in columns.iter().zip(widths).zip(row) {
        let free = width.saturating_sub(cell.width());
        let (before, after) = if column.right { (free, 0) } else { (0, free) };
        if !cell.text.is_empty() {
            line.push_str(&" ".repeat(blanks + before));
            blanks = 0;
            match cell.style {
                Some(style) => line.push_str(&paint(style, &cell.text)),
                None => line.push_str(&cell.text),
            }
            blanks += after + 2;
        } else {
            blanks += width + 2;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::GOOD;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_styles_have_no_width() {
        let rows = [
            [Cell::from("a"), Cell::from("1 ms"), Cell::from("")],
            [Cell::styled(GOOD, "größer"), "20 ms".into(), "end".into()],
            [Cell::from(""), Cell::from("3 s"), Cell::from("x")],
            [Cell::wide(GOOD, "runs over all"), "".into(), "".into()],
        ];
        let table = [left("NAME"), right("TOOK"), left("REST")];
        let lines: Vec<String> = columns(&table, &rows)
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        assert_eq!(
            lines,
            [
                "NAME     TOOK  REST",
                "a        1 ms",
                "größer  20 ms  end",
                "          3 s  x",
                "runs over all",
            ]
        );
    }
}
