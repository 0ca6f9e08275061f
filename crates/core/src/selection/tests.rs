use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

#[derive(Default)]
struct Existing(BTreeMap<&'static str, (NamespaceId, NamespaceFacts)>);

impl Namespaces for Existing {
    fn existing(&self) -> impl Iterator<Item = (NamespaceId, &str, &NamespaceFacts)> {
        self.0.iter().map(|(name, (id, facts))| (*id, *name, facts))
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn find(&self, namespace: &str) -> Option<(NamespaceId, &NamespaceFacts)> {
        self.0.get(namespace).map(|(id, facts)| (*id, facts))
    }

    fn name(&self, id: NamespaceId) -> Option<&str> {
        self.0.iter().find(|(_, (other, _))| *other == id).map(|(name, _)| *name)
    }
}

const NAMESPACES: [&str; 6] = ["a", "ab", "b", "bc", "c", "kube-system"];
const LISTS: [&str; 8] =
    ["", "a", "a,c,ns-.", "a.*", ".*", "[bc]+,a", "a,b,!a.?", "none,other,third,fourth,fifth,sixth,b"];

fn selection(list: &str) -> Selection {
    Selection::of_list(NamespaceList::parse(list).unwrap())
}

#[test]
fn a_list_is_kept_once_as_long_as_it_has_users() {
    let mut selections = Selections::default();
    let existing = Existing::default();
    let first = selections.add(&selection("a,b"), 1, &existing);
    assert_eq!(selections.add(&selection("a,b"), 2, &existing), first);
    let other = selections.add(&selection("b,a"), 1, &existing);
    assert!(other != first, "by its text");
    assert_eq!(selections.len(), 2);
    selections.remove(first, &1);
    selections.remove(first, &3);
    assert_eq!(selections.len(), 2, "the other uses it still");
    selections.remove(first, &2);
    assert_eq!(selections.len(), 1);
    assert_eq!(selections.add(&selection("c"), 7, &existing), first, "its number is given to the next");
    selections.remove(first, &7);
    selections.remove(other, &1);
    selections.remove(other, &1);
    assert_eq!(selections.len(), 0);
}

#[test]
fn what_a_selection_can_name() {
    let only = |list: &str| selection(list).only().map(|names| names.map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(only("a,ns-.,b,c,!c.*"), Some(vec!["a".to_owned(), "b".to_owned()]), "and no illegal name");
    assert_eq!(only("a,b.*"), None);
    assert_eq!(selection("a,b.*").literals().collect::<Vec<_>>(), ["a"]);
}

proptest! {
    /// Whichever comes first, the list or the namespace: what is kept is what the list says.
    #[test]
    fn the_set_is_what_the_list_names(steps in prop::collection::vec((0..3u8, select(&NAMESPACES[..]), select(&LISTS[..])), 0..60)) {
        let (mut selections, mut existing) = (Selections::default(), Existing::default());
        let mut used: BTreeMap<&str, SelectionId> = BTreeMap::new();
        let mut free: Vec<NamespaceId> = (0..NAMESPACES.len() as u32).rev().collect();
        for (step, namespace, list) in steps {
            match step {
                0 => match existing.0.remove(namespace) {
                    Some((id, _)) => {
                        selections.namespace_disappeared(id);
                        free.push(id);
                    }
                    None => {
                        let id = free.pop().unwrap();
                        existing.0.insert(namespace, (id, NamespaceFacts::default()));
                        selections.namespace_appeared(id, namespace, &NamespaceFacts::default());
                    }
                },
                _ => match used.remove(list) {
                    Some(id) => selections.remove(id, &list),
                    None => drop(used.insert(list, selections.add(&selection(list), list, &existing))),
                },
            }
            prop_assert_eq!(selections.len(), used.len());
            for (list, id) in &used {
                let expected = existing.0.iter().filter(|(name, _)| selection(list).names(name, &NamespaceFacts::default()));
                let mut expected: Vec<NamespaceId> = expected.map(|(_, (id, _))| *id).collect();
                expected.sort_unstable();
                prop_assert_eq!(selections.named(*id).collect::<Vec<_>>(), expected, "{}", list);
                for name in NAMESPACES {
                    let names = selection(list).names(name, &NamespaceFacts::default());
                    prop_assert_eq!(selections.would_name(*id, name), names);
                    if let Some((namespace, _)) = existing.find(name) {
                        prop_assert_eq!(selections.is_named(*id, namespace), names);
                        prop_assert_eq!(selections.users_naming(namespace).any(|user| user == list), names);
                    }
                }
            }
        }
    }
}

proptest! {
    /// Asked about four at once, a selection answers as asked about each, whatever its list and its selector are.
    #[test]
    fn four_at_once_are_answered_as_each(
        list in select(&["", "a", "a.*,!ab", "[bc]+,!b.*", "!.*", ".*,!(a|c)", "a,b,c,ab,bc,!bc,!a,!x,!y,!z"][..]),
        text in select(&["", "tier=web", "!tier", "kubernetes.io/metadata.name in (a, b, kube-system)"][..]),
        asked in prop::array::uniform4((select(&["", "-", "a", "ab", "b", "bc", "c", "kube-system"][..]), any::<bool>())),
    ) {
        let selector = Selector::parse(&text.into()).unwrap();
        let selection = Selection::new(NamespaceList::parse(list).unwrap(), (!text.is_empty()).then(|| Arc::new(selector)));
        let facts = [NamespaceFacts::default(), NamespaceFacts::read(false, [("tier", "web")].into_iter(), std::iter::empty())];
        let asked = asked.map(|(name, is_web)| (name, &facts[usize::from(is_web)]));
        prop_assert_eq!(selection.names_four(asked), asked.map(|(name, facts)| selection.names(name, facts)));
    }
}
