//! The row that a target has in `list` and on the page.

use super::world::World;
use crate::survey;

fn rows(text: &str) -> Vec<String> {
    let mut world = World::new(text);
    world.graph.all_targets().iter().for_each(|target| drop(world.look(target)));
    let rows = survey::rows(&world.graph, world.kind, &world.rules);
    rows.map(|row| {
        let show = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let (reason, source) =
            (show(row.reason.map(|reason| reason.to_string())), row.source.map(|key| key.to_string()));
        format!("{} {} {reason} {}", row.target, row.state, show(source))
    })
    .collect()
}

#[test]
fn each_target_has_one_and_no_other_object() {
    assert_eq!(
        rows(
            "a/src #8 to=b/t,no/t :new; b/t by=a/src version=8 :new known; c/t from=a/src :own; d/t from=gone/x; no-ns no; \
             e/plain allowed; f/bad from=X"
        ),
        [
            "b/t current UpToDate a/src",
            "c/t refused ConsentMissing a/src",
            "d/t waiting SourceMissing gone/x",
            "f/bad refused IllFormed -",
            "no/t waiting NamespaceMissing a/src",
        ]
    );
}

/// The row of a target that is about to be created names the source that pushes to it, also before that source's content is known.
#[test]
fn one_that_does_not_exist_yet_has_its_source() {
    let world = World::new("ns b; a/src #8 to=b/t :new");
    let row = survey::rows(&world.graph, world.kind, &world.rules).next().unwrap();
    assert_eq!((row.target.as_str(), row.source.unwrap().as_str(), row.needs.is_some()), ("b/t", "a/src", true));
}
