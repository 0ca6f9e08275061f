//! Durations as Go writes them (`time.ParseDuration`): `1h30m`, `1.5h`, `500ms`, `0`. Flags and annotations share them.

use std::time::Duration;

/// The longest duration of Go, in nanoseconds.
const MAX: u64 = i64::MAX.cast_unsigned();

/// Reads a duration that is not negative. `None`: it is none, or longer than Go's longest (about 292 years).
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let (mut rest, negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (part, after) = part(rest)?;
        total = total.checked_add(part).filter(|total| *total <= MAX)?;
        rest = after;
    }
    (total == 0 || !negative).then_some(Duration::from_nanos(total))
}

/// A duration as people write it: `1h30m`, `5s`, `500ms`. [`parse`] reads the same from it.
#[must_use]
pub fn written(duration: Duration) -> String {
    if duration < Duration::from_secs(60) {
        return format!("{duration:?}");
    }
    let (minutes, rest) = (duration.as_secs() / 60, duration - Duration::from_secs(duration.as_secs() / 60 * 60));
    let part = |number: u64, unit: &str| if number > 0 { format!("{number}{unit}") } else { String::new() };
    let rest = if rest.is_zero() { String::new() } else { format!("{rest:?}") };
    format!("{}{}{rest}", part(minutes / 60, "h"), part(minutes % 60, "m"))
}

/// Reads a number and its unit, and returns them in nanoseconds, with what follows.
fn part(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit = match unit {
        "ns" => 1,
        // Two letters look like this one: the sign for micro, and the Greek one.
        "us" | "\u{B5}s" | "\u{3BC}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    Some((whole.checked_mul(unit)?.checked_add(share(fraction, unit))?, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The nanoseconds of a unit's decimal fraction, reckoned in floating point and cut off, as in Go.
fn share(fraction: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1_f64);
    for digit in fraction.bytes() {
        let Some(more) = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit - b'0'))) else {
            break;
        };
        (value, scale) = (more, scale * 10.0);
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        // What Go 1.26 makes of them, in nanoseconds.
        let cases = [
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("-0s", 0),
            ("30m", 1_800_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("30m1h", 5_400_000_000_000),
            ("1h1h", 7_200_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("+90s", 90_000_000_000),
            ("500ms", 500_000_000),
            ("3us", 3_000),
            ("3µs", 3_000),
            ("3μs", 3_000),
            ("7ns", 7),
            ("1.9ns", 1),
            ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("0.000000000001h", 3),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("0.100000000000000000000h", 360_000_000_000),
            ("00030m", 1_800_000_000_000),
            ("2562047h47m16.854775807s", MAX),
        ];
        for (text, nanoseconds) in cases {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanoseconds)), "{text:?}");
        }
    }

    #[test]
    fn a_duration_is_written_as_people_write_it() {
        let cases = [
            ("0", "0ns"),
            ("500ms", "500ms"),
            ("59.5s", "59.5s"),
            ("60s", "1m"),
            ("90s", "1m30s"),
            ("3600s", "1h"),
            ("90m", "1h30m"),
            ("48h", "48h"),
            ("3600.5s", "1h500ms"),
            ("2562047h47m16.854775807s", "2562047h47m16.854775807s"),
        ];
        for (text, wanted) in cases {
            let duration = parse(text).unwrap();
            assert_eq!(written(duration), wanted);
            assert_eq!(parse(wanted), Some(duration), "{wanted}");
        }
    }

    #[test]
    fn what_go_refuses_and_what_is_negative_is_none() {
        for text in [
            "",
            "+",
            "-",
            "3",
            "1",
            "00",
            "s",
            ".s",
            ".",
            "1.",
            "1.5",
            "x",
            "1x",
            "1d",
            "1H",
            "1 s",
            " 1s",
            "1s ",
            "1e3s",
            "1m30",
            "--1s",
            "1s-1s",
            "0x1s",
            "-1s",
            "-30m",
            "-1ns",
            "2562047h47m16.854775808s",
            "9223372036854775808ns",
            "99999999999999999999s",
            "1µ",
            "1ſ",
            "３s",
            "1_000s",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
