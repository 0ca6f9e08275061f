//! Tables as kubectl prints them: upper-case heads, spaces between, no borders; fitted to the terminal's width.

use unicode_width::UnicodeWidthStr as _;

use crate::terminal::{Ink, Paper};

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its head.
    pub head: &'static str,
    /// What goes first where there is no room: the largest number. Zero: it is never left out.
    pub dispensable: u8,
    /// Whether it may be shortened; it keeps at least this many columns. Zero: it is not.
    pub shortest: usize,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// What stands there; nothing is shown as `-`.
    pub text: String,
    /// Its colour.
    pub ink: Option<Ink>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ink: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl<T: ToString> From<Option<T>> for Cell {
    fn from(text: Option<T>) -> Self {
        text.map(|text| text.to_string()).unwrap_or_default().into()
    }
}

/// The table, each line with its line feed.
#[must_use]
pub fn table(paper: Paper, columns: &[Column], rows: &[Vec<Cell>], with_heads: bool) -> String {
    let text = |row: &Vec<Cell>, at: usize| match row.get(at).map(|cell| cell.text.as_str()) {
        None | Some("") => "-".to_owned(),
        Some(text) => one_line(text),
    };
    let mut widths: Vec<usize> = columns.iter().map(|column| column.head.width()).collect();
    for row in rows {
        for (at, width) in widths.iter_mut().enumerate() {
            *width = (*width).max(text(row, at).width());
        }
    }
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let gap = fit(paper.width, columns, &mut widths, &mut shown);
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = (usize, String, Option<Ink>)>| {
        let mut pending = 0;
        for (at, text, ink) in cells {
            let width = widths.get(at).copied().unwrap_or_default();
            let text = shorten(&text, width);
            out.extend(std::iter::repeat_n(' ', pending));
            pending = width.saturating_sub(text.width()) + gap;
            out.push_str(&ink.map_or_else(|| text.clone(), |ink| paper.paint(ink, &text)));
        }
        out.push('\n');
    };
    if with_heads {
        line(&mut shown.iter().filter_map(|at| Some((*at, columns.get(*at)?.head.to_owned(), Some(Ink::Faint)))));
    }
    for row in rows {
        line(&mut shown.iter().map(|at| (*at, text(row, *at), row.get(*at).and_then(|cell| cell.ink))));
    }
    out
}

/// Makes it as narrow as the paper: first the gaps, then columns that can be spared, then long texts. Answers the gap.
fn fit(width: Option<usize>, columns: &[Column], widths: &mut [usize], shown: &mut Vec<usize>) -> usize {
    const GAPS: [usize; 2] = [3, 2];
    let needed = |widths: &[usize], shown: &[usize], gap: usize| {
        let texts: usize = shown.iter().filter_map(|at| widths.get(*at)).sum();
        texts + gap * shown.len().saturating_sub(1)
    };
    let Some(most) = width else { return GAPS[0] };
    if let Some(gap) = GAPS.into_iter().find(|gap| needed(widths, shown, *gap) <= most) {
        return gap;
    }
    let gap = GAPS[1];
    // As far as texts can be shortened a column stays.
    let least = |widths: &[usize]| -> Vec<usize> {
        let shortest = |(width, column): (&usize, &Column)| match column.shortest {
            0 => *width,
            shortest => (*width).min(shortest),
        };
        widths.iter().zip(columns).map(shortest).collect()
    };
    while needed(&least(widths), shown, gap) > most {
        let spared = shown.iter().copied().max_by_key(|at| columns.get(*at).map_or(0, |column| column.dispensable));
        match spared.filter(|at| columns.get(*at).is_some_and(|column| column.dispensable > 0)) {
            Some(spared) => shown.retain(|at| *at != spared),
            None => break,
        }
    }
    let floor = least(widths);
    while needed(widths, shown, gap) > most {
        // The longest of those that can be shorter still.
        let longest =
            shown.iter().copied().filter(|at| widths.get(*at) > floor.get(*at)).max_by_key(|at| widths.get(*at));
        match longest.and_then(|at| widths.get_mut(at)) {
            Some(width) => *width -= 1,
            None => break,
        }
    }
    gap
}

/// The text in so many columns, without its end where it is longer.
#[must_use]
pub fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        let next = unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if short.width() + next + 1 > width {
            break;
        }
        short.push(character);
    }
    short + "…"
}

/// Without what would break a line, or move the cursor.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// The text in lines of at most so many columns, each behind the indent.
#[must_use]
pub fn wrap(paper: Paper, indent: usize, text: &str) -> String {
    let most = paper.width.unwrap_or(100).clamp(40, 100).saturating_sub(indent);
    let mut out = String::new();
    let mut line = String::new();
    let mut flush = |line: &mut String| {
        out.extend(std::iter::repeat_n(' ', indent));
        out.push_str(line);
        out.push('\n');
        line.clear();
    };
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() && line.width() + 1 + word.width() > most {
            flush(&mut line);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        flush(&mut line);
    }
    out
}

/// How long ago, as kubectl says it. `None`: it is not known.
#[must_use]
pub fn age(now: i64, then: Option<i64>) -> Option<String> {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let seconds = (now - then?).max(0);
    let two = |large: i64, unit: &str, small: i64, name: &str| match seconds % large / small {
        0 => format!("{}{unit}", seconds / large),
        rest => format!("{}{unit}{rest}{name}", seconds / large),
    };
    Some(match seconds {
        _ if seconds < 2 * MINUTE => format!("{seconds}s"),
        _ if seconds < 10 * MINUTE => two(MINUTE, "m", 1, "s"),
        _ if seconds < 3 * HOUR => format!("{}m", seconds / MINUTE),
        _ if seconds < 8 * HOUR => two(HOUR, "h", MINUTE, "m"),
        _ if seconds < 2 * DAY => format!("{}h", seconds / HOUR),
        _ if seconds < 8 * DAY => two(DAY, "d", HOUR, "h"),
        _ if seconds < 2 * YEAR => format!("{}d", seconds / DAY),
        _ if seconds < 8 * YEAR => two(YEAR, "y", DAY, "d"),
        _ => format!("{}y", seconds / YEAR),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column { head: "STATE", dispensable: 0, shortest: 0 },
        Column { head: "TARGET", dispensable: 0, shortest: 8 },
        Column { head: "VERSION", dispensable: 2, shortest: 0 },
        Column { head: "AGE", dispensable: 1, shortest: 0 },
    ];

    fn drawn(width: Option<usize>) -> String {
        let row = |cells: [&str; 4]| cells.map(Cell::from).to_vec();
        let rows = [row(["refused", "shop/a-long-name", "1042", "3d"]), row(["current", "shop/日本", "", "12m"])];
        table(Paper { width, colour: false }, &COLUMNS, &rows, true)
    }

    #[test]
    fn a_table_fits_the_paper() {
        let whole = "\
STATE     TARGET             VERSION   AGE
refused   shop/a-long-name   1042      3d
current   shop/日本          -         12m
";
        assert_eq!(drawn(None), whole);
        assert_eq!(drawn(Some(160)), whole);
        // Narrower gaps, then shorter texts, then fewer columns.
        assert!(drawn(Some(39)).starts_with("STATE    TARGET            VERSION  AGE\n"));
        let shorter = "\
STATE    TARGET      VERSION  AGE
refused  shop/a-lo…  1042     3d
current  shop/日本   -        12m
";
        assert_eq!(drawn(Some(33)), shorter);
        let fewer = "\
STATE    TARGET      AGE
refused  shop/a-lo…  3d
current  shop/日本   12m
";
        assert_eq!(drawn(Some(24)), fewer);
        assert_eq!(drawn(Some(10)), "STATE    TARGET\nrefused  shop/a-…\ncurrent  shop/日…\n");
    }

    #[test]
    fn nothing_in_a_cell_moves_the_cursor() {
        assert_eq!(one_line("a\n\u{1b}[2Jb\t"), "a  [2Jb ");
        assert_eq!(shorten("日本語", 4), "日…");
    }

    #[test]
    fn ages_are_those_of_kubectl() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (130, "2m10s"),
            (3_600, "60m"),
            (3 * 3_600, "3h"),
            (4 * 3_600 + 120, "4h2m"),
            (47 * 3_600, "47h"),
            (50 * 3_600, "2d2h"),
            (30 * 86_400, "30d"),
            (800 * 86_400, "2y70d"),
            (9 * 365 * 86_400, "9y"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(age(1_000_000_000, Some(1_000_000_000 - seconds)).as_deref(), Some(expected));
        }
        assert_eq!(age(0, Some(5)).as_deref(), Some("0s"), "clocks differ");
        assert_eq!(age(0, None), None);
    }

    #[test]
    fn sentences_are_wrapped_behind_their_indent() {
        let paper = Paper { width: Some(40), colour: false };
        let text = "The source carries neither of the two annotations that allow it.";
        assert_eq!(wrap(paper, 2, text), "  The source carries neither of the two\n  annotations that allow it.\n");
    }
}
