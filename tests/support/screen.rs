//! What is to be seen on a terminal after some text was printed to it: as much of a terminal as `chora` may rely on, and not a sequence more.

use std::fmt;

/// The rows of a screen, without the blanks at their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Screen {
    rows: Vec<Vec<char>>,
    columns: usize,
    row: usize,
    column: usize,
    wraps: bool,
}

impl Screen {
    /// The screen after this text.
    #[track_caller]
    pub(crate) fn of(text: &str, rows: usize, columns: usize) -> Self {
        let mut screen = Self {
            rows: vec![vec![' '; columns]; rows],
            columns,
            row: 0,
            column: 0,
            wraps: true,
        };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            rest = &rest[first.len_utf8()..];
            if first != '\u{1b}' {
                screen.put(first);
                continue;
            }
            let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) else {
                // Torn in the middle; the next reading has the rest.
                break;
            };
            screen.obey(&rest[..=end]);
            rest = &rest[end + 1..];
        }
        screen
    }

    /// Whether some row holds this text.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.contains(text))
    }

    /// The rows as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.rows
            .iter()
            .map(|row| row.iter().collect::<String>().trim_end().to_owned())
            .collect()
    }

    fn put(&mut self, character: char) {
        match character {
            '\r' => self.column = 0,
            '\n' => self.next_row(),
            _ => {
                if self.column == self.columns {
                    if self.wraps {
                        self.column = 0;
                        self.next_row();
                    } else {
                        self.column -= 1;
                    }
                }
                self.rows[self.row][self.column] = character;
                self.column += 1;
            }
        }
    }

    fn next_row(&mut self) {
        if self.row + 1 < self.rows.len() {
            self.row += 1;
        } else {
            self.rows.remove(0);
            self.rows.push(vec![' '; self.columns]);
        }
    }

    /// A control sequence behind its escape character.
    #[track_caller]
    fn obey(&mut self, sequence: &str) {
        let (row, column) = (self.row, self.column);
        match sequence {
            "[H" => (self.row, self.column) = (0, 0),
            "[2J" => self.rows.iter_mut().for_each(|row| row.fill(' ')),
            "[K" => self.rows[row][column..].fill(' '),
            "[J" => {
                self.rows[row][column..].fill(' ');
                self.rows[row + 1..]
                    .iter_mut()
                    .for_each(|row| row.fill(' '));
            }
            "[?7l" => self.wraps = false,
            "[?7h" => self.wraps = true,
            "[2K" => self.rows[row].fill(' '),
            _ if sequence.ends_with(['A', 'B']) => {
                let (count, way) = sequence[1..].split_at(sequence.len() - 2);
                let count = count.parse().unwrap_or(1);
                self.row = match way {
                    "A" => row.saturating_sub(count),
                    _ => (row + count).min(self.rows.len() - 1),
                };
            }
            // Colours.
            _ if sequence.ends_with('m') => {}
            _ => panic!("unexpected control sequence {sequence:?}"),
        }
    }
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.lines().join("\n").trim_end())
    }
}
