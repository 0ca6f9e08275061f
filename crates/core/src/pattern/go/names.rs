//! The named sets of characters: `\d`, `[:alpha:]`, `\p{Greek}`.

use super::set::AsciiSet;

/// The set of `\d`, `\s` or `\w`, by its letter; in Go they are ASCII.
pub(super) fn perl(letter: char) -> Option<AsciiSet> {
    Some(match letter {
        'd' => AsciiSet::DIGIT,
        's' => AsciiSet::of("\t\n\x0C\r "),
        'w' => word(),
        _ => return None,
    })
}

fn word() -> AsciiSet {
    AsciiSet::DIGIT | AsciiSet::LETTER | AsciiSet::of("_")
}

/// The set of `[:name:]`.
pub(super) fn posix(name: &str) -> Option<AsciiSet> {
    Some(match name {
        "alnum" => AsciiSet::DIGIT | AsciiSet::LETTER,
        "alpha" => AsciiSet::LETTER,
        "ascii" => AsciiSet::ALL,
        "blank" => AsciiSet::of("\t "),
        "cntrl" => AsciiSet::CONTROL,
        "digit" => AsciiSet::DIGIT,
        "graph" => AsciiSet::between('!', '~'),
        "lower" => AsciiSet::LOWER,
        "print" => AsciiSet::between(' ', '~'),
        "punct" => AsciiSet::of(PUNCTUATION) | AsciiSet::of(SYMBOLS),
        "space" => AsciiSet::of("\t\n\x0B\x0C\r "),
        "upper" => AsciiSet::UPPER,
        "word" => word(),
        "xdigit" => AsciiSet::DIGIT | AsciiSet::between('A', 'F') | AsciiSet::between('a', 'f'),
        _ => return None,
    })
}

/// The ASCII part of `\p{name}`, a general category or a script of Unicode.
///
/// As in Go neither case nor spaces, hyphens and underscores matter. (Go 1.25 and 1.26 thereby lost the scripts of several
/// words, as `Old_Italic`, which older versions know; here they are known.)
pub(super) fn unicode(name: &str) -> Option<AsciiSet> {
    let mut name: String = name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect();
    name.make_ascii_lowercase();
    Some(match &*name {
        "any" | "assigned" | "ascii" => AsciiSet::ALL,
        "c" | "other" | "cc" | "control" | "cntrl" => AsciiSet::CONTROL,
        "l" | "letter" | "lc" | "casedletter" | "latin" => AsciiSet::LETTER,
        "ll" | "lowercaseletter" => AsciiSet::LOWER,
        "lu" | "uppercaseletter" => AsciiSet::UPPER,
        "n" | "number" | "nd" | "decimalnumber" | "digit" => AsciiSet::DIGIT,
        "p" | "punctuation" | "punct" => AsciiSet::of(PUNCTUATION),
        "pc" | "connectorpunctuation" => AsciiSet::of("_"),
        "pd" | "dashpunctuation" => AsciiSet::of("-"),
        "pe" | "closepunctuation" => AsciiSet::of(")]}"),
        "po" | "otherpunctuation" => AsciiSet::of("!\"#%&'*,./:;?@\\"),
        "ps" | "openpunctuation" => AsciiSet::of("([{"),
        "s" | "symbol" => AsciiSet::of(SYMBOLS),
        "sc" | "currencysymbol" => AsciiSet::of("$"),
        "sk" | "modifiersymbol" => AsciiSet::of("^`"),
        "sm" | "mathsymbol" => AsciiSet::of("+<=>|~"),
        "z" | "separator" | "zs" | "spaceseparator" => AsciiSet::of(" "),
        "common" => !AsciiSet::LETTER,
        _ if WITHOUT_ASCII.split(' ').any(|other| other == name) => AsciiSet::EMPTY,
        _ => return None,
    })
}

const PUNCTUATION: &str = "!\"#%&'()*,-./:;?@[\\]_{}";
const SYMBOLS: &str = "$+<=>^`|~";

/// Categories, then scripts, that have no character of ASCII.
const WITHOUT_ASCII: &str = "\
    cf format cn unassigned co privateuse cs surrogate lm modifierletter lo otherletter lt titlecaseletter m mark \
    combiningmark mc spacingmark me enclosingmark mn nonspacingmark nl letternumber no othernumber pf finalpunctuation \
    pi initialpunctuation so othersymbol zl lineseparator zp paragraphseparator \
    adlam ahom anatolianhieroglyphs arabic armenian avestan balinese bamum bassavah batak bengali bhaiksuki bopomofo \
    brahmi braille buginese buhid canadianaboriginal carian caucasianalbanian chakma cham cherokee chorasmian coptic \
    cuneiform cypriot cyprominoan cyrillic deseret devanagari divesakuru dogra duployan egyptianhieroglyphs elbasan \
    elymaic ethiopic georgian glagolitic gothic grantha greek gujarati gunjalagondi gurmukhi han hangul hanifirohingya \
    hanunoo hatran hebrew hiragana imperialaramaic inherited inscriptionalpahlavi inscriptionalparthian javanese kaithi \
    kannada katakana kawi kayahli kharoshthi khitansmallscript khmer khojki khudawadi lao lepcha limbu lineara linearb \
    lisu lycian lydian mahajani makasar malayalam mandaic manichaean marchen masaramgondi medefaidrin meeteimayek \
    mendekikakui meroiticcursive meroitichieroglyphs miao modi mongolian mro multani myanmar nabataean nagmundari \
    nandinagari newa newtailue nko nushu nyiakengpuachuehmong ogham olchiki oldhungarian olditalic oldnortharabian \
    oldpermic oldpersian oldsogdian oldsoutharabian oldturkic olduyghur oriya osage osmanya pahawhhmong palmyrene \
    paucinhau phagspa phoenician psalterpahlavi rejang runic samaritan saurashtra sharada shavian siddham signwriting \
    sinhala sogdian sorasompeng soyombo sundanese sylotinagri syriac tagalog tagbanwa taile taitham taiviet takri tamil \
    tangsa tangut telugu thaana thai tibetan tifinagh tirhuta toto ugaritic vai vithkuqi wancho warangciti yezidi yi \
    zanabazarsquare";

#[cfg(test)]
mod tests {
    use super::*;

    /// As Go's `regexp/syntax` has them; Rust's `char` knows the same classes.
    #[test]
    fn posix_classes() {
        type Is = fn(char) -> bool;
        let classes: [(&str, Is); 14] = [
            ("alnum", |c| c.is_ascii_alphanumeric()),
            ("alpha", |c| c.is_ascii_alphabetic()),
            ("ascii", |c| c.is_ascii()),
            ("blank", |c| matches!(c, ' ' | '\t')),
            ("cntrl", |c| c.is_ascii_control()),
            ("digit", |c| c.is_ascii_digit()),
            ("graph", |c| c.is_ascii_graphic()),
            ("lower", |c| c.is_ascii_lowercase()),
            ("print", |c| c.is_ascii_graphic() || c == ' '),
            ("punct", |c| c.is_ascii_punctuation()),
            ("space", |c| c.is_ascii_whitespace() || c == '\x0B'),
            ("upper", |c| c.is_ascii_uppercase()),
            ("word", |c| c.is_ascii_alphanumeric() || c == '_'),
            ("xdigit", |c| c.is_ascii_hexdigit()),
        ];
        for (name, is) in classes {
            let expected: String = ('\0'..='\x7F').filter(|c| is(*c)).collect();
            assert_eq!(posix(name), Some(AsciiSet::of(&expected)), "{name}");
        }
        assert_eq!(posix("Alpha"), None);
    }
}
