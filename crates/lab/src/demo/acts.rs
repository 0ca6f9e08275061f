//! The acts of the demo, played one after the other on the same cluster.

use std::fmt;

/// Commands, and the expected results.
pub(super) struct Act {
    pub(super) title: &'static str,
    pub(super) story: &'static str,
    /// Arguments of kubectl. `{new}` stands for a value that was never used before, and is not shown.
    pub(super) commands: &'static [&'static [&'static str]],
    /// Whose Secrets the table shows.
    pub(super) namespaces: &'static [&'static str],
    pub(super) expectations: &'static [Expectation],
}

/// The expected state of one Secret.
pub(super) struct Expectation {
    /// `namespace/name`.
    pub(super) object: &'static str,
    pub(super) becomes: State,
    /// The reason code that the controller has to log for it during the act.
    pub(super) reason: &'static str,
}

/// The state of a Secret.
pub(super) enum State {
    /// It holds the data of this Secret, and says so.
    CopyOf(&'static str),
    /// It holds one key of a Secret under a name of its own, and nothing else.
    KeyOf { source: &'static str, key: &'static str, name: &'static str },
    /// Its data is what it was before the act.
    Unchanged,
    /// It is there, without data.
    Empty,
    /// It is not there.
    Absent,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, becomes, reason } = self;
        match becomes {
            State::CopyOf(source) => write!(f, "{object} holds the data of {source}")?,
            State::KeyOf { source, key, name } => {
                write!(f, "{object} holds the key {key} of {source} as {name}, and no other")?
            }
            State::Unchanged => write!(f, "{object} keeps its data")?,
            State::Empty => write!(f, "{object} is empty")?,
            State::Absent => write!(f, "{object} is gone")?,
        }
        write!(f, " ({reason})")
    }
}

const fn expect(object: &'static str, becomes: State, reason: &'static str) -> Expectation {
    Expectation { object, becomes, reason }
}

pub(super) const ACTS: &[Act] = &[
    Act {
        title: "Import database credentials",
        story: "Three namespaces ask for a copy. The source names two of them; the third gets nothing.",
        commands: &[&["apply", "-f", "examples/1-database-credentials.yaml"]],
        namespaces: &["database", "shop", "billing-eu", "sandbox"],
        expectations: &[
            expect("shop/database", State::CopyOf("database/credentials"), "FirstCopy"),
            expect("billing-eu/database", State::CopyOf("database/credentials"), "FirstCopy"),
            expect("sandbox/database", State::Empty, "NamespaceNotAllowed"),
        ],
    },
    Act {
        title: "The database password changes",
        story: "It is changed in one place. Both copies follow.",
        commands: &[&[
            "patch",
            "secret",
            "credentials",
            "-n",
            "database",
            "-p",
            r#"{"stringData":{"password":"{new}"}}"#,
        ]],
        namespaces: &["database", "shop", "billing-eu", "sandbox"],
        expectations: &[
            expect("shop/database", State::CopyOf("database/credentials"), "SourceChanged"),
            expect("billing-eu/database", State::CopyOf("database/credentials"), "SourceChanged"),
        ],
    },
    Act {
        title: "A password generated once",
        story: "A chart makes a random password. The application uses a replica of it, which is copied once.",
        commands: &[&["apply", "-f", "examples/2-generated-password.yaml"]],
        namespaces: &["wiki"],
        expectations: &[expect("wiki/admin-password", State::CopyOf("wiki/admin-password-source"), "NewTarget")],
    },
    Act {
        title: "The chart is upgraded",
        story: "That makes another random password. The application keeps the first one.",
        commands: &[&[
            "patch",
            "secret",
            "admin-password-source",
            "-n",
            "wiki",
            "-p",
            r#"{"stringData":{"password":"{new}"}}"#,
        ]],
        namespaces: &["wiki"],
        expectations: &[expect("wiki/admin-password", State::Unchanged, "HeldByOnce")],
    },
    Act {
        title: "A new password after all",
        story: "Another replicate-once-version asks for one more copy.",
        commands: &[&[
            "annotate",
            "secret",
            "admin-password-source",
            "-n",
            "wiki",
            "--overwrite",
            "k8s-replicator/replicate-once-version=2",
        ]],
        namespaces: &["wiki"],
        expectations: &[expect(
            "wiki/admin-password",
            State::CopyOf("wiki/admin-password-source"),
            "OnceVersionChanged",
        )],
    },
    Act {
        title: "Spread a TLS key",
        story: "One certificate, wanted in all namespaces whose name matches jx-.*",
        commands: &[&["apply", "-f", "examples/3-tls-key.yaml"]],
        namespaces: &["jx", "jx-staging", "jx-production"],
        expectations: &[
            expect("jx-staging/tls-example-com", State::CopyOf("jx/tls-example-com"), "NewTarget"),
            expect("jx-production/tls-example-com", State::CopyOf("jx/tls-example-com"), "NewTarget"),
        ],
    },
    Act {
        title: "A namespace comes late",
        story: "It matches too, and gets the key without anybody asking.",
        commands: &[&["create", "namespace", "jx-preview"]],
        namespaces: &["jx", "jx-staging", "jx-production", "jx-preview"],
        expectations: &[expect("jx-preview/tls-example-com", State::CopyOf("jx/tls-example-com"), "NewTarget")],
    },
    Act {
        title: "Someone deletes a replica by mistake",
        story: "It is made again at once.",
        commands: &[&["delete", "secret", "tls-example-com", "-n", "jx-production"]],
        namespaces: &["jx", "jx-staging", "jx-production", "jx-preview"],
        expectations: &[expect("jx-production/tls-example-com", State::CopyOf("jx/tls-example-com"), "NewTarget")],
    },
    Act {
        title: "The configurable secret of a chart",
        story: "The chart ships chat/admin-source, which makes chat/admin and fills it from a secret of the user's own.",
        commands: &[&["apply", "-f", "examples/4-chart-secret.yaml"]],
        namespaces: &["vault", "chat"],
        expectations: &[expect("chat/admin", State::CopyOf("vault/chat-admin"), "NewTarget")],
    },
    Act {
        title: "The user points the chart at another secret",
        story: "chat/admin follows, though neither the chart nor the user writes it.",
        commands: &[&[
            "annotate",
            "secret",
            "admin-source",
            "-n",
            "chat",
            "--overwrite",
            "k8s-replicator/replicate-from=vault/other-admin",
        ]],
        namespaces: &["vault", "chat"],
        expectations: &[expect("chat/admin", State::CopyOf("vault/other-admin"), "FirstCopy")],
    },
    Act {
        title: "Namespaces by label",
        story: "The credentials of a registry go to the namespaces that carry a label. One of two does.",
        commands: &[&["apply", "-f", "examples/5-namespaces-by-label.yaml"]],
        namespaces: &["registry", "web", "batch"],
        expectations: &[expect("web/pull-secret", State::CopyOf("registry/pull-secret"), "NewTarget")],
    },
    Act {
        title: "A namespace gets the label",
        story: "It gets the credentials at once.",
        commands: &[&["label", "namespace", "batch", "registry=internal"]],
        namespaces: &["registry", "web", "batch"],
        expectations: &[expect("batch/pull-secret", State::CopyOf("registry/pull-secret"), "NewTarget")],
    },
    Act {
        title: "A source is deleted by mistake",
        story: "Its replicas are kept for the hour that it asked for.",
        commands: &[&["delete", "secret", "pull-secret", "-n", "registry"]],
        namespaces: &["registry", "web", "batch"],
        expectations: &[expect("batch/pull-secret", State::Unchanged, "RemovalDelayed")],
    },
    Act {
        title: "It is brought back",
        story: "From its manifest. Its replicas are what they were, and were never away.",
        commands: &[&["apply", "-f", "examples/5-namespaces-by-label.yaml"]],
        namespaces: &["registry", "web", "batch"],
        expectations: &[
            expect("web/pull-secret", State::Unchanged, "UpToDate"),
            expect("batch/pull-secret", State::Unchanged, "UpToDate"),
        ],
    },
    Act {
        title: "Share the authority, and not its key",
        story: "Of a TLS Secret one key is copied, under another name; the replicas are of type Opaque.",
        commands: &[&["apply", "-f", "examples/6-certificate-authority.yaml"]],
        namespaces: &["pki", "app-mail", "app-forum"],
        expectations: &[
            expect(
                "app-mail/internal-ca",
                State::KeyOf { source: "pki/internal-ca", key: "ca.crt", name: "ca-certificates.crt" },
                "NewTarget",
            ),
            expect(
                "app-forum/internal-ca",
                State::KeyOf { source: "pki/internal-ca", key: "ca.crt", name: "ca-certificates.crt" },
                "NewTarget",
            ),
        ],
    },
    Act {
        title: "Sources are deleted",
        story: "They might come back at once, so 5 s are waited. Then what asked for a copy is emptied, and what a source made goes with it.",
        commands: &[
            &["delete", "secret", "credentials", "-n", "database"],
            &["delete", "secret", "tls-example-com", "-n", "jx"],
        ],
        namespaces: &["database", "shop", "billing-eu", "sandbox", "jx", "jx-staging", "jx-production", "jx-preview"],
        expectations: &[
            expect("shop/database", State::Empty, "SourceMissing"),
            expect("billing-eu/database", State::Empty, "SourceMissing"),
            expect("jx-staging/tls-example-com", State::Absent, "SourceMissing"),
            expect("jx-production/tls-example-com", State::Absent, "SourceMissing"),
            expect("jx-preview/tls-example-com", State::Absent, "SourceMissing"),
        ],
    },
];
