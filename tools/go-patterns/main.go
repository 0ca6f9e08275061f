// Command go-patterns asks Go's regexp package what patterns mean, and prints the table that crates/core checks its
// own reading of them against:
//
//	go run tools/go-patterns/main.go > crates/core/src/pattern/go_table.txt
//
// More random patterns than the table has are checked by
//
//	go run tools/go-patterns/main.go -random 300000 -seed 7 > /tmp/table.txt
//	GO_TABLE=/tmp/table.txt cargo test -p k8s-replicator-core go_table
//
// The first line holds the subjects of several characters, as JSON. Each other line is a pattern as JSON, a tab, and what
// Go says of ^(?:pattern)$: "error: why", or two hexadecimal numbers. Bit n of the first tells whether the ASCII character
// n is matched, bit n of the second whether subject n is.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"math/rand"
	"os"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

var subjects = []string{
	"", "aa", "ab", "ba", "bb", "abc", "aaa", "aaaa", "aaaaaaaa", "a-b", "a.b", "a_b", "a b", "AB", "aB", "Ab", "a1", "11",
	"jx-", "jx-staging", "jx-production", "kube-system", "default", "team-1", "team-12", "a{1}", "a{", "{1}", "{,2}", "a{,2}",
	"&&", "a&&b", "~~", "--", "||", "()", "[a]", "a]", "^a]", "\\a", "\\E", "*.", "a*", "a\n", "\na", "a\nb", "\n\n", "a\tb",
	"abab", "abba", strings.Repeat("a", 63), strings.Repeat("ab", 31),
}

// By hand: what Go and other implementations are known to read differently, and what Go refuses.
var byHand = []string{
	// Quoting, and what the end of the pattern does to it.
	`\Qa.b\E`, `\Q*.\E`, `\Qab\E*`, `\Q\E`, `a\Q\E*`, `a*\Q\E*`, `\Qab`, `\Q`, `a\E`, `\E`, `\Qa\\E`, `(?i)\QaB\E`, `\Q(\E`, `[\Qa\E]`,
	`a\`, `\`, `\\`, `a\\`, `[a\`, `[\]`, `[\\]`, `\Qa\E\Qb\E{2}`,
	// Counts, and braces that are none.
	`a{`, `a{}`, `a{,}`, `a{,2}`, `a{1`, `a{1,`, `a{1,2`, `a{ 1}`, `a{1 }`, `a{1, 2}`, `a{-1}`, `a{+1}`, `a{x}`, `{`, `}`, `{}`, `{1}`, `a|{1}`,
	`({1})`, `(?:){1}`, `{,2}`, `a{0}`, `a{0,0}`, `a{1}`, `a{01}`, `a{1,01}`, `a{00}`, `a{2,1}`, `a{2}`, `a{2,}`, `a{2,4}`, `a{0,}`, `a{1000}`,
	`a{1001}`, `a{1,1001}`, `a{1001,}`, `a{999999999}`, `a{1,9999999999}`, `a{99999999999999999999}`, `(a{10}){100}`, `(a{10}){101}`,
	`(a{1000}){1000}`, `((a{100}){10}){2}`, `((a{1000}){0}){1000}`, `(a{2,}){500}`, `(a{2,}){501}`, `(a{0,}){1000}`, `(a*){1000}`,
	`(a{500}|b){2}`, `(a{501}|b){2}`, `(a{500}b{501}){2}`, `(a{1000}){1}`, `(a{1000})*`, `(a{1000}){0,1}`, `((a{2}){1}){501}`,
	`\{`, `a\{1}`, `\}`, `[{]`, `a{1}{`, `a{2}{,3}`,
	// Repetitions.
	`*`, `+`, `?`, `a**`, `a*+`, `a*?`, `a*??`, `a*?*`, `a+?`, `a++`, `a??`, `a???`, `a{2}?`, `a{2}??`, `a{2}*`, `a{2}{3}`, `a*{2}`, `a?{2}`,
	`(a*)*`, `(a*)+`, `(?:a?)*b`, `a|*`, `(*)`, `(+a)`, `(|*)`, `(?:*)`, `(?i)*`, `a(?i)*`, `a*(?i)*`, `a*(?i)*(?i)*`, `^*`, `$*`, `\b*`, `\b+`,
	`\B{2}`, `^+a`, `a$?`, `a$*b`, `()*`, `(?:)*`, `(|a)*`, `()`, `(?:)`, `|`, `||`, `a|`, `|a`, `a||b`, `(a|)`, `(|)`, `(a|b|ab)*`, `[a]*`, `.*`, `.+`, `.?`,
	`.`, `..`, `.*?`, `a.*b`, `\A*`, `\z*`,
	// Groups, names and flags.
	`(a)`, `((a))`, `(?:a)`, `(?P<n>a)`, `(?<n>a)`, `(?P<n>a)(?P<n>b)`, `(?<n>a)(?P<n>b)`, `(?P<>a)`, `(?<>a)`, `(?P<n`, `(?P<n>`, `(?<n>`, `(?P<1>a)`,
	`(?P<a_1>a)`, `(?P<a-1>a)`, `(?P<a b>a)`, `(?P<é>a)`, `(?P=n)`, `(?P>n)`, `(?P`, `(?Pa)`, `(?'n'a)`, `(?=a)`, `(?!a)`, `(?<=a)`, `(?<!a)`, `(?>a)`,
	`(?#a)`, `(?|a)`, `(?1)`, `(?R)`, `(?&n)`, `(?`, `(`, `(a`, `a)`, `)`, `a)(b`, `a)|(?:b`, `a)|(b`, `a)$|^(?:b`, `a)$`, `)(`, `(?:a))`, `(?i`, `(?i:`,
	`(?)`, `(?)a`, `(?:`, `(?-)`, `(?-:a)`, `(?i-)a`, `(?i-:a)`, `(?--i)a`, `(?i-s-m)a`, `(?i)A`, `(?i)aB`, `(?i:a)B`, `(?i:a)b`, `a(?i)b`, `a(?i)B|c`,
	`(a(?i)b)c`, `((?i)a)b`, `(?i)(a)b`, `(?s)(a).b`, `(?i)a(?-i)b`, `(?i)a|b`, `a|(?i)b`, `(?-i)a`, `(?i-i)a`, `(?ii)a`, `(?ims)a.b`, `(?s).`, `(?s)a.b`, `(?-s).`, `(?s-s).`,
	`(?s:.)`, `(?s:.).`, `(?m)^a$`, `(?m)a$\n^b`, `(?m)a$\nb`, `a$\nb`, `(?m)a$\n`, `(?m)\n^a`, `a\n^b`, `(?m)a\n^b`, `(?m)^$`, `(?m)a\z`, `(?-m)^a$`, `(?U)a*`,
	`(?U)a*?`, `(?U)a{2}`, `(?x)a b`, `(?x) a # b`, `(?u)a`, `(?R)a`, `(?L)a`, `(?a)a`, `(?n)a`, `(?J)a`, `(?I)a`, `(?M)a`, `(?i s)a`, `a b`, `a #b`, ` a`, `#`,
	// Anchors and boundaries.
	`^a$`, `^a`, `a$`, `a^b`, `a$b`, `^^a$$`, `(^a)`, `(a$)`, `(^|b)a`, `\Aa\z`, `a\Z`, `\Z`, `\z`, `\A`, `\b`, `\B`, `\ba\b`, `a\b`, `a\B`, `\Ba`, `a\b-b`, `a\b\.b`, `a\Bb`,
	`a\bb`, `\b{start}a`, `\b{end}`, `\b{start-half}`, `\<a\>`, `\<`, `\>`, `\G`, `\K`, `\R`, `\X`, `\h`, `\H`, `\N`, `\V`, `\y`, `\Y`, `\u0041`, `\U00000041`, `\c`, `\cA`, `\C`, `[\C]`,
	`\e`, `\` + "`", `\'`, `\/`, `\-`, `\_`, `\ `, `\é`, `é`, `[é]`, `[^é]`, `[a-é]`, `.é`, `é*a`,
	// Characters by number.
	`\0`, `\00`, `\000`, `\0000`, `\1`, `\12`, `\101`, `\141`, `\1411`, `\377`, `\777`, `\8`, `\08`, `\18`, `\19`, `\9`, `\141*`, `[\141]`, `[\1]`, `[\0-\141]`,
	`\x61`, `\x6`, `\x`, `\x6g`, `\x{61}`, `\x{061}`, `\x{0000000000000061}`, `\x{}`, `\x{6g}`, `\x{+61}`, `\x{-61}`, `\x{ 61}`, `\x{61`, `\x{10FFFF}`, `\x{110000}`, `\x{D800}`, `\x{FFFFFFFFFF}`,
	`\x6é`, `\xé1`, `[\x61]`, `[\x{61}-\x{63}]`, `[\x{D800}-\x{DFFF}]`, `[\x00-\x{10FFFF}]`, `[^\x00-\x{10FFFF}]`, `[^\x00-\x7F]`, `\x{2028}`, `\x{80}`, `[\x{80}-\x{FF}]`,
	// Classes.
	`[]`, `[^]`, `[]a]`, `[^]a]`, `[]` + "]", `[]-a]`, `[^]]`, `[]]`, `[a`, `[`, `[^`, `[a-`, `[a-b`, `[-]`, `[--]`, `[---]`, `[a-]`, `[-a]`, `[a-a]`, `[z-a]`, `[a-b-c]`, `[a-c-e]`, `[a--]`, `[+--]`,
	`[--a]`, `[a-\d]`, `[\d-a]`, `[\d-\w]`, `[\w-]`, `[a-\n]`, `[\t-a]`, `[^a-c]`, `[^^]`, `[^-a]`, `[a^]`, `[\^a]`, `[\]]`, `[a\]b]`, `[\-a]`, `[a\-z]`, `[.]`, `[*]`, `[$]`, `[|]`, `[(]`, `[)]`, `[#]`, `[ ]`,
	`[a&&b]`, `[a-c&&b]`, `[a&&]`, `[&&]`, `[a--b]`, `[a-c--b]`, `[a~~b]`, `[a||b]`, `[a[b]`, `[a[b]]`, `[[a]]`, `[[a]b]`, `[[]`, `[^[]`, `[a[^b]]`, `[[:alpha:]]`, `[[:^alpha:]]`, `[^[:alpha:]]`, `[^[:^alpha:]]`,
	`[:alpha:]`, `[[:alpha]]`, `[[:alpha:]`, `[[:Alpha:]]`, `[[:foo:]]`, `[[:^foo:]]`, `[[::]]`, `[[:]`, `[[:]]`, `[[:a]b[c:]]`, `[[:alpha:]-z]`, `[a-[:digit:]]`, `[[.a.]]`, `[[=a=]]`, `[[:alpha:][:digit:]]`, `[[:<:]]`, `[[:>:]]`,
	`[\b]`, `[\B]`, `[\A]`, `[\z]`, `[\Q]`, `[\E]`, `[\q]`, `[\_]`, `[\a]`, `[\f\n\r\t\v]`, `[\pL]`, `[\p{L}a]`, `[^\pL]`, `[\PL]`, `[^\PL]`, `[\p{^L}]`, `[\pL-z]`, `[a-\pL]`, `[\d\s]`, `[^\d\s]`, `[\D\d]`, `[^\D\d]`, `[\W]`, `[^\W]`,
	`(?i)[a-c]`, `(?i)[^a-c]`, `(?i)[A]`, `(?i)[^A]`, `(?i)[[:upper:]]`, `(?i)[[:^upper:]]`, `(?i)[^[:upper:]]`, `(?i)\w`, `(?i)\W`, `(?i)[\W]`, `(?i)\d`, `(?i)[@-Z]`, `(?i)[Z-a]`, `(?i)[é]`, `(?i)[^\x00-\x7F]`,
	`(?i)k`, `(?i)s`, `(?i)ſ`, "(?i)\u212A", `(?i)[ſ]`, "(?i)[^\u212A]", `(?i)\x{17F}`, `(?i)[\x{100}-\x{200}]`, `(?i)[\x{2000}-\x{3000}]`, `(?i)[b-\x{10FFFF}]`, `(?i)µ`, `(?i)\Qk\E`,
	`\d+`, `\w+`, `\s`, `\S+`, `\D`, `\W`, `[\s]`, `\d{2}`, `[^\s]+`, `team-\d`, `team-\d+`, `jx-.*`, `jx-.+`, `jx-(staging|production)`, `(kube|jx)-.*`, `[a-z]+-[0-9]+`, `.*-.*`, `[^-]+`, `(?i)JX-.*`, `jx-*`, `jx-?`, `default|jx-.*`,
	// Sets of Unicode.
	`\pN`, `\PN`, `\pn`, `\p{N}`, `\p{^N}`, `\P{^N}`, `\p^N`, `\p`, `\P`, `\p{`, `\p{}`, `\p{^}`, `\p{N`, `\pé`, `\p{é}`, `\p{Greek}`, `\P{Greek}`, `\p{^Greek}`, `\p{greek}`, `\p{GREEK}`, `\p{ Gr-e_ek }`, `\p{Grek}`, `\p{IsGreek}`,
	`\p{InGreek}`, `\p{Script=Greek}`, `\p{sc=Greek}`, `\p{scx=Greek}`, `\p{gc=Lu}`, `\p{Lu}`, `\p{lu}`, `\p{Alphabetic}`, `\p{White_Space}`, `\p{Emoji}`, `\p{Age=6.0}`, `\p{L&}`, `\p{LC}`, `\p{Lc}`, `\p{Any}`, `\P{Any}`, `\p{any}`,
	`\p{ASCII}`, `\P{ASCII}`, `\p{Assigned}`, `\P{Assigned}`, `\p{Zyyy}`, `\p{Unknown}`, `\p{Xan}`, `(?i)\p{Lu}`, `(?i)\P{Lu}`, `(?i)\p{Ll}`, `(?i)\p{^Ll}`, `(?i)[^\p{Lu}]`, `(?i)\p{Lt}`, `(?i)\p{Greek}`, `(?i)\p{Common}`, `(?i)\p{ASCII}`, `\p{Latin}+`,
}

// What random patterns are made of.
var pieces = strings.Fields(`a a a b b c A B 1 2 0 - . * + ? | ^ $ ( ( (?: (?i) (?i: (?s) (?m) (?U) (?-i) (?P<n> (?<n> ) ) ) [ [ [^ ] ] ] { } , {2} {1,2} {,2} {0} {2,}
	{1000} \Q \E \Qa.b\E \A \z \b \B \d \D \w \W \s \S \pL \p{Lu} \P{N} \p{^Greek} \x61 \x{62} \141 \0 \1 \n \t \- \_ \. \q \\ \ && ~~ -- a-c z-a [:alpha:] [:^digit:] [[:alnum:]] : é # _ (a|b) (?:ab)* [a-c]+ jx- .* K s`)

func main() {
	random := flag.Int("random", 1500, "how many random patterns")
	seed := flag.Int64("seed", 1, "of the random patterns")
	flag.Parse()

	patterns := slices.Clone(byHand)
	for c := rune(0); c < 128; c++ {
		for _, form := range []string{"%c", `\%c`, `[\%c]`, "[%c]", "[^%c-]", "(?%c)a", "(?i-%c:A)", `(?i)%c`, "a%c", "a%cb"} {
			patterns = append(patterns, fmt.Sprintf(form, c))
		}
	}
	for _, name := range names() {
		patterns = append(patterns, `\p{`+name+`}`, `(?i)\P{`+name+`}`)
	}
	generator := rand.New(rand.NewSource(*seed))
	for range *random {
		var pattern strings.Builder
		for range 1 + generator.Intn(9) {
			pattern.WriteString(pieces[generator.Intn(len(pieces))])
		}
		patterns = append(patterns, pattern.String())
	}

	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, quote(subjects))
	seen := map[string]bool{}
	for _, pattern := range patterns {
		if !seen[pattern] {
			seen[pattern] = true
			fmt.Fprintf(out, "%s\t%s\n", quote(pattern), answer(pattern))
		}
	}
}

// names returns the names that \p{…} knows, but the scripts of several words: Go 1.25 and 1.26 refuse those by mistake.
func names() []string {
	var names []string
	for name := range unicode.Categories {
		names = append(names, name)
	}
	for name := range unicode.CategoryAliases {
		names = append(names, name)
	}
	for name := range unicode.Scripts {
		if _, err := regexp.Compile(`\p{` + name + `}`); err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func answer(pattern string) string {
	whole, err := regexp.Compile(`^(?:` + pattern + `)$`)
	var failure *syntax.Error
	// What closes a group that it did not open is not about the whole subject, even where it compiles in one.
	if _, alone := regexp.Compile(pattern); errors.As(alone, &failure) && failure.Code == syntax.ErrUnexpectedParen {
		err = alone
	}
	if errors.As(err, &failure) {
		return "error: " + failure.Code.String()
	}
	characters, several := new(big.Int), new(big.Int)
	for c := range 128 {
		if whole.MatchString(string(rune(c))) {
			characters.SetBit(characters, c, 1)
		}
	}
	for i, subject := range subjects {
		if whole.MatchString(subject) {
			several.SetBit(several, i, 1)
		}
	}
	return fmt.Sprintf("%x %x", characters, several)
}

func quote(value any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return strings.TrimSpace(text.String())
}
