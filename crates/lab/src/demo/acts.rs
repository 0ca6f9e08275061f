//! What is played: one act after the other, on the same cluster.

use std::fmt;

/// Something is done, and something must come of it.
pub(super) struct Act {
    pub(super) title: &'static str,
    pub(super) story: &'static str,
    /// Arguments of kubectl. `{new}` stands for a value that was never used before, and is not shown.
    pub(super) commands: &'static [&'static [&'static str]],
    /// Whose Secrets the table shows.
    pub(super) namespaces: &'static [&'static str],
    pub(super) expectations: &'static [Expectation],
}

/// What becomes of one Secret.
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
        title: "Sources are deleted",
        story: "What asked for a copy stays, and is emptied. What was made by a source goes with it.",
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
