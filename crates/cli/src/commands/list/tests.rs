use k8s_replicator_core::state::State;

use super::*;

const NOW: i64 = 1_800_000_000;

fn entry(standing: Standing, reason: Option<Reason>, target: &str, source: &str) -> Entry {
    let created = Some(NOW - 3 * 86_400 - 4 * 3_600);
    Entry { version: Some("1042".to_owned()), created, ..Entry::secret(target, source, standing, reason) }
}

fn entries() -> Vec<Entry> {
    let known = Standing::Known;
    sorted(vec![
        entry(
            known(State::Current),
            Some(Reason::UpToDate),
            "shop-staging/database-credentials",
            "data/database-credentials",
        ),
        Entry { kind: "ConfigMap", ..entry(known(State::Current), Some(Reason::UpToDate), "team-a/ca", "certs/ca") },
        entry(Standing::Unread, None, "team-a/db", "data/database-credentials"),
        Entry {
            version: None,
            created: None,
            ..entry(known(State::Waiting), Some(Reason::NamespaceMissing), "team-z/db", "data/db")
        },
        Entry {
            version: None,
            ..entry(known(State::Refused), Some(Reason::NamespaceNotAllowed), "shop/db", "data/db")
        },
        Entry { version: None, ..entry(Standing::Unseen, None, "shop/keys", "vault/keys") },
        entry(known(State::Failing), Some(Reason::Contested), "shop/tls", "certs/tls"),
        entry(known(State::Held), Some(Reason::RemovalHeld), "shop/old", "data/old"),
    ])
}

fn paper(width: usize) -> Paper {
    Paper { width: Some(width), colour: false }
}

#[test]
fn the_worst_come_first_in_160_columns() {
    let expected = "\
STATE     REASON                KIND        TARGET                              SOURCE                      VERSION   AGE
failing   Contested             Secret      shop/tls                            certs/tls                   1042      3d4h
refused   NamespaceNotAllowed   Secret      shop/db                             data/db                     -         3d4h
held      RemovalHeld           Secret      shop/old                            data/old                    1042      3d4h
waiting   NamespaceMissing      Secret      team-z/db                           data/db                     -         -
unseen    -                     Secret      shop/keys                           vault/keys                  -         3d4h
unread    -                     Secret      team-a/db                           data/database-credentials   1042      3d4h
current   UpToDate              Secret      shop-staging/database-credentials   data/database-credentials   1042      3d4h
current   UpToDate              ConfigMap   team-a/ca                           certs/ca                    1042      3d4h
";
    assert_eq!(draw(paper(160), NOW, &entries(), true), expected);
}

#[test]
fn in_80_columns_the_important_stays() {
    let expected = "\
STATE    REASON               KIND       TARGET                SOURCE
failing  Contested            Secret     shop/tls              certs/tls
refused  NamespaceNotAllowed  Secret     shop/db               data/db
held     RemovalHeld          Secret     shop/old              data/old
waiting  NamespaceMissing     Secret     team-z/db             data/db
unseen   -                    Secret     shop/keys             vault/keys
unread   -                    Secret     team-a/db             data/database-cr…
current  UpToDate             Secret     shop-staging/databa…  data/database-cr…
current  UpToDate             ConfigMap  team-a/ca             certs/ca
";
    assert_eq!(draw(paper(80), NOW, &entries(), true), expected);
}

#[test]
fn what_to_do_next_is_said_where_something_is_not_as_wanted() {
    assert_eq!(
        next_step(&entries()).unwrap(),
        "\n1 failing, 1 refused, 1 held, 1 waiting, 1 unseen, 1 unread, 2 current. \
         Why: kubectl replicator explain secret shop/tls"
    );
    let current: Vec<_> = entries().split_off(6);
    assert_eq!(next_step(&current), None);
    assert_eq!(draw(paper(80), NOW, &[], true), "No replicas found.\n");
}
