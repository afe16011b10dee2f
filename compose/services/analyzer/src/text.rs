//! The counting itself: pure, one pass for words and one for sentences.

use std::{cmp::Reverse, collections::HashMap};

use serde::Serialize;

/// How fast people read, in words a minute.
const READING_SPEED: f64 = 200.0;
const MOST_FREQUENT: usize = 10;

/// What there is to say about a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// Unicode characters, white space included.
    pub characters: usize,
    /// Runs of letters and digits; an apostrophe or hyphen between two of them does not end a word.
    pub words: usize,
    /// Stretches with at least one word that end in `.`, `!`, `?`, `…` or their full-width kin, or at the end of the text.
    pub sentences: usize,
    /// Words that differ in more than case.
    pub unique_words: usize,
    /// At most ten, the most frequent first, equally frequent ones by alphabet; in lower case.
    pub most_frequent_words: Vec<WordCount>,
    /// At 200 words a minute, to a tenth of a second.
    pub reading_time_seconds: f64,
}

/// A word and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordCount {
    /// In lower case.
    pub word: String,
    /// At least 1.
    pub count: usize,
}

/// Counts.
pub fn analyze(text: &str) -> Analysis {
    let mut counts = HashMap::<String, usize>::new();
    let mut words = 0;
    for word in words_of(text) {
        words += 1;
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    let unique_words = counts.len();
    let mut ranking: Vec<WordCount> = counts
        .into_iter()
        .map(|(word, count)| WordCount { word, count })
        .collect();
    ranking.sort_unstable_by(|a, b| (Reverse(a.count), &a.word).cmp(&(Reverse(b.count), &b.word)));
    ranking.truncate(MOST_FREQUENT);
    Analysis {
        characters: text.chars().count(),
        words,
        sentences: sentences_of(text),
        unique_words,
        most_frequent_words: ranking,
        reading_time_seconds: (words as f64 * 60.0 / READING_SPEED * 10.0).round() / 10.0,
    }
}

fn is_letter(c: char) -> bool {
    // Combining marks belong to the letter before them: "é" may come as two characters.
    c.is_alphanumeric()
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}')
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let mut characters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = characters.find(|(_, c)| c.is_alphanumeric())?;
        let mut end = start + first.len_utf8();
        while let Some((at, c)) = characters.peek().copied() {
            let joined = matches!(c, '\'' | '’' | '-')
                && text
                    .get(at + c.len_utf8()..)
                    .and_then(|rest| rest.chars().next())
                    .is_some_and(is_letter);
            if !is_letter(c) && !joined {
                break;
            }
            end = at + c.len_utf8();
            characters.next();
        }
        text.get(start..end)
    })
}

fn sentences_of(text: &str) -> usize {
    let mut sentences = 0;
    let mut has_word = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        has_word |= c.is_alphanumeric();
        let ends = match c {
            '。' | '！' | '？' | '…' => true,
            // "3.14" and "chora.dev" go on; "end." and "end.)" do not.
            '.' | '!' | '?' => characters.peek().is_none_or(|next| !next.is_alphanumeric()),
            _ => false,
        };
        if ends && has_word {
            sentences += 1;
            has_word = false;
        }
    }
    sentences + usize::from(has_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_is_counted() {
        let analysis = analyze("Hello, chora. Hello again!");
        assert_eq!(
            (
                analysis.characters,
                analysis.words,
                analysis.sentences,
                analysis.unique_words
            ),
            (26, 4, 2, 3)
        );
        let top = |index: usize| {
            (
                analysis.most_frequent_words[index].word.as_str(),
                analysis.most_frequent_words[index].count,
            )
        };
        assert_eq!(
            (top(0), top(1), top(2)),
            (("hello", 2), ("again", 1), ("chora", 1))
        );
        assert_eq!(analysis.reading_time_seconds, 1.2);
    }

    #[test]
    fn words_keep_their_apostrophes_hyphens_and_marks() {
        let words = |text| words_of(text).collect::<Vec<_>>();
        assert_eq!(
            words("don't re-use -this- 'quoted'"),
            ["don't", "re-use", "this", "quoted"]
        );
        assert_eq!(words("cafe\u{301} naïve"), ["cafe\u{301}", "naïve"]);
        assert_eq!(words("a--b rock’n’roll"), ["a", "b", "rock’n’roll"]);
        assert!(words(" ... !? ").is_empty());
    }

    #[test]
    fn sentences_need_a_word_and_an_end() {
        for (text, count) in [
            ("One. Two! Three?", 3),
            ("No end", 1),
            ("Wait... what?!", 2),
            ("Pi is 3.14 or so.", 1),
            ("(Really.) Yes.", 2),
            ("...", 0),
            ("", 0),
            ("一。二！三", 3),
        ] {
            assert_eq!(sentences_of(text), count, "{text}");
        }
    }

    #[test]
    fn only_the_ten_most_frequent_words_are_listed() {
        let text: String = (0..20).map(|n| format!("w{n:02} ")).collect();
        let analysis = analyze(&text);
        assert_eq!(analysis.unique_words, 20);
        let listed: Vec<_> = analysis
            .most_frequent_words
            .iter()
            .map(|entry| entry.word.as_str())
            .collect();
        assert_eq!(
            listed,
            [
                "w00", "w01", "w02", "w03", "w04", "w05", "w06", "w07", "w08", "w09"
            ]
        );
    }
}
