//! The closed list of reasons: why something is done or not done, and what to do about it.
//!
//! A reason's code is the same in the log line, the metric label, the Event and `explain`; `docs/reasons.md` describes
//! each code, and a test sees that none is missing there.

use std::fmt;

macro_rules! reasons {
    ($($variant:ident $sentence:literal $remedy:literal)+) => {
        /// Why something is done, or is not. `Display` gives the code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(
                #[doc = $sentence]
                $variant,
            )+
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Reason] = &[$(Reason::$variant),+];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Reason::$variant => stringify!($variant),)+
                }
            }

            /// One sentence for a person.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Reason::$variant => $sentence,)+
                }
            }

            /// What a person who needs the target can do about it. Annotations are named without their prefix.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Reason::$variant => $remedy,)+
                }
            }
        }
    };
}

reasons! {
    // Why a replica is written.
    NewTarget
        "A source pushes to this name, and no object has it yet."
        "Nothing."
    FirstCopy
        "The replica does not hold a copy of its source yet."
        "Nothing."
    SourceChanged
        "The source's data changed since it was copied."
        "Nothing."
    Drift
        "The replica's data was changed by someone else."
        r#"Change the source, not the replica: edits of a replica are undone. To let its user change it, put `replicate-once: "true"` on the source."#
    OnceVersionChanged
        "The source asks for one more copy by a new replicate-once-version."
        "Nothing."
    Emptied
        "The replica was emptied by someone else; a replicate-once replica is filled again."
        "Something applies the replica with empty values, often its first manifest again. Take the keys, or `data`, out of that manifest."
    Adopted
        "Someone else copied or restored the replica, and its source pushes to it: the controller takes it over."
        "Nothing. From now on the replica is deleted when its source stops pushing to it."
    InheritedChanged
        "The data is up to date, but annotations that the replica takes from its source are not."
        "Nothing."

    // Why a replica is cleared or deleted.
    SourceMissing
        "The source does not exist."
        "Create the source, or correct the name in `replicate-from` (a name without namespace is looked for beside the target)."
    SourceStoppedPushing
        "The source that made this replica does not push to it any more."
        "If the replica should stay, let the source's `replicate-to`, `replicate-to-namespaces` or `replicate-to-namespace-selector` name it again."
    ConsentMissing
        "No annotation of the source allows anyone to pull."
        r#"Name this namespace in the source's `replication-allowed-namespaces`, or select it by `replication-allowed-namespace-selector`; `replication-allowed: "true"` would let every namespace pull."#
    ConsentRefused
        "The source says replication-allowed: false."
        r#"The owner of the source says no. Ask for this namespace in `replication-allowed-namespaces`, and no `replication-allowed: "false"`."#
    NamespaceNotAllowed
        "The source allows other namespaces to pull, and not this one."
        "Add the target's namespace to the source's `replication-allowed-namespaces` (a pattern has to match the whole name), or give it the labels that `replication-allowed-namespace-selector` asks for."
    ChainNotAllowed
        "The source is itself a replica, and the chain above it does not allow this namespace."
        "Every source above has to allow the target's namespace: look at `replicated-from-allowed` on the source, then at the consent of what it pulls from."
    ChainBroken
        "The source is itself a replica, and holds no copy."
        "Look at the source itself: it waits for something, and its own reason says for what."
    TypeChanged
        "The source's type is another one now; a type cannot be changed, so the replica is recreated."
        "Nothing. The replica is missing for a moment."
    ReplicaImmutable
        "The replica is immutable; it is recreated to change it."
        "Nothing. The replica is missing for a moment; `immutable` is not copied."
    NotAccepted
        "The target's namespace does not accept replicas from the source's namespace."
        "The owner of the target's namespace says no. Ask for the source's namespace to be named in the Namespace's `accept-replicas-from`; with `--require-acceptance` every namespace has to say so."
    KeysTrimmed
        "The target holds keys that the source, or the chain above it, does not allow any more."
        "Nothing. If the keys are needed, ask for them in the source's `replication-allowed-keys`."

    // Why nothing is done.
    UpToDate
        "The replica agrees with its source."
        "Nothing. If the data is not what you expect, look at the source that the line names."
    HeldByOnce
        "The replica holds a copy, and replicate-once keeps newer data away."
        "To get newer data once, change `replicate-once-version` on the source; to get it always, take `replicate-once` away."
    Paused
        "The target, its source or its namespace is paused."
        "Take the annotation `paused` off the object that the detail names; what was missed is then done at once."
    RemovalHeld
        "More replicas are due for removal because of one source than --removal-limit allows; they are held until the cause goes, or each is approved."
        r#"Was the source deleted or changed by mistake? Bring it back. If they are to go, `kubectl replicator approve` puts `removal-approved: "true"` on each, and so can you."#
    RemovalDelayed
        "The source is missing, or lost all annotations of its push or consent; the replica is removed if that stays so for the removal delay."
        "If the replica is to stay, bring the source (or its annotations) back. The detail says what is missing and for how long it may be: the annotation `removal-delay`, else `--removal-delay`."
    SourceIncomplete
        "The source's certificate and key do not belong together, or one is missing: it is held until the pair is whole."
        "Wait for the certificate to be issued, or put `tls.crt` and `tls.key` right: the first certificate in `tls.crt` has to be that of the key. Replicas keep the last whole pair; a first copy waits. `--hold-incomplete-tls=false` copies all the same."
    NotATarget
        "Neither replicate-from nor replicated-by: the object is not a target."
        "If it should receive data, put `replicate-from` on it."
    PushesItself
        "The object pushes, so its replicate-from is meant for its targets."
        "An object with `replicate-to`, `replicate-to-namespaces` or `replicate-to-namespace-selector` is no target. Without these it would be filled from its `replicate-from`."
    NotWanted
        "The object does not exist, and no source pushes to its name."
        "If there should be a replica, look at the source: its push does not name this namespace and name, or is ill-formed."
    NamespaceMissing
        "The target's namespace does not exist yet."
        "Create the namespace; the replica follows at once."
    NamespaceTerminating
        "The target's namespace is being deleted."
        "Wait: the replica is created when the namespace exists again."
    BeingDeleted
        "The target is being deleted and waits for its finalizers."
        "Remove what its `metadata.finalizers` wait for. Until then the controller only empties it, if its source does not give the data any more."
    NotReady
        "The first lists are not complete."
        "Wait. `GET /healthz` names the replicators that wait for their first lists; if that lasts, look for `Forbidden` or `Unreachable` in the log."

    // Why something that annotations ask for is refused.
    IllFormed
        "The object's annotations are ill-formed; it is left alone."
        "The message names the annotation, its value and what was expected. Correct it."
    SourceIllFormed
        "The source's annotations are ill-formed; what depends on it is left alone."
        "The message names the source's annotation and what was expected. Correct it there; until then replicas keep what they have."
    NotCreatedBySource
        "A source pushes to this name, but the object was not made by it."
        "An object of that name exists already. Push to another name; or delete the object, whose data is lost then, and the replica is created."
    NotMadeByController
        "The replica's source does not push to it any more, but someone else made the replica: it is left alone."
        "Nothing, if you copied or restored it on purpose. Else delete it, whose data is lost then, or let a source push to it, which adopts it."
    AnotherSourceWins
        "Several sources push to this name, and another has it: the one whose push made the object, or else the oldest."
        "Let only one source push to this name. The detail names the one that has it."
    Loop
        "The source's data comes from this very target."
        "The two copy from each other. Point one of the two `replicate-from` elsewhere."
    Ring
        "Following replicate-from from the source leads back to this target."
        "The objects pull from each other in a circle. Let one of them pull from outside, or hold the data itself."
    ChainTooLong
        "Following replicate-from from the source leads through too many objects."
        "A chain may have 100 pulls. Let the target pull from an object further up."
    ChainNotVisible
        "An object above the source, which is itself a replica, is missing or ill-formed: whether it allows this namespace is not known."
        "Bring back, or put right, the object that the detail names. Until then the target keeps what it has and gets nothing newer."
    NamespaceExcluded
        "--exclude-namespaces names the target's namespace: what is there is left alone."
        "Take the namespace off the controller's `--exclude-namespaces`, or take it out of the source's push."
    NamespaceIllFormed
        "The annotations of the target's namespace are ill-formed; nothing changes there."
        "Put right what the detail names on the Namespace."
    KeyMissing
        "replicate-keys names a key that the source does not have, or two of its keys would get one name."
        "Correct `replicate-keys`, or add the key to the source. Replicas keep what they have."
    KeyNotAllowed
        "replicate-keys names a key that the source, or the chain above it, does not allow."
        "Take the key out of `replicate-keys`, or ask for it in the source's `replication-allowed-keys`."
    KeyRequired
        "The target's type requires a key that it would not get."
        "Ask for that key too in `replicate-keys`, or for another type, such as `replicate-type: Opaque`; a target that pulls has to be of one."
    SourceNotWatched
        "The source is in a namespace that the program does not watch; whether it exists is not known."
        "Add the source's namespace to `--namespaces`. Until then the target keeps what it has."
    NamespaceNotWatched
        "A source pushes to a namespace that the program does not watch."
        "Add the target's namespace to `--namespaces`."
    ProtectedType
        "Secrets of this type are never a source and never a target."
        "Service account tokens and bootstrap tokens are made by Kubernetes for one place. Use a Secret of another type."
    TargetImmutable
        "The target is immutable and belongs to its user."
        "Delete the target and create it again without `immutable: true`."

    // Why an attempt failed. It is tried again.
    Contested
        "Someone else keeps changing the replica; it is put right after growing pauses."
        "Another controller, or a person, undoes what is written: the line names its field manager. Let only one of the two write this object."
    Conflict
        "The object was changed by someone else at the same time; it is decided about again."
        "Nothing. If it lasts, look for who changes the object all the time: its `metadata.managedFields` name them."
    Throttled
        "The API server asks for fewer requests."
        "Nothing. If it lasts, look at the API server's load, or at the priority level of the controller's service account."
    Forbidden
        "The controller lacks a permission."
        "The message names the verb and the resource. Give the controller's service account that right in this namespace (`deploy/rbac.yaml`); or ask who runs the admission policy, or set the quota, that the message names. If it says 401, the credentials (token or certificate) were not accepted: check that they are valid, and that the service account exists."
    Invalid
        "The API server does not accept the object."
        "The message says what the API server, or an admission policy, does not accept, for example a target that lacks a key its type requires. Change that on the source or on the target, or ask who runs the policy."
    ServerError
        "The API server answered with an error, or its answer could not be read."
        "Nothing. If it lasts, look at the API server's log, or at the webhook that the message names."
    Unreachable
        "The API server could not be reached, or did not answer in time."
        "Nothing. If it lasts, look at the network between the controller and the API server."

    // Advice: it blocks nothing.
    ItemNamesNothing
        "An item of a list cannot name any namespace."
        "Names of namespaces have lower-case letters, digits and `-`. Look for a typographic quote, a space within, an upper-case letter."
    ListNamesNothing
        "A list names nothing."
        "Add an item that names a namespace; `!` items alone only take away."
    NoNamespaceReached
        "No namespace that exists is named by the push."
        "Correct the names or the selector, or create or label the namespace: the replica follows at once."
    LooksLikeGlob
        "A pattern looks like a glob, and is a regular expression."
        "Write `team-.*` for what a glob calls `team-*`."
    NamesAreNamespaces
        "replicate-to lists names of objects, and every name in it is that of a namespace."
        "To push into namespaces under the source's own name, list them in `replicate-to-namespaces`."
    PushesOwnData
        "The object pushes, so that its replicate-from does not fill itself, though it has data."
        "Take away `replicate-from`, to push the object's own data; or take away `replicate-to` and `replicate-to-namespaces`, to have it filled; or empty it."
    UnknownAnnotation
        "A replica has an annotation under the prefix that is unknown or ill-formed; it is passed over."
        "Correct or remove the annotation. On a replica all annotations under the prefix are the controller's."
    StubWillConflict
        "Another tool gives the target keys that its source will fill; applying them again is refused, or undoes the copy."
        "Use a source with both `replicate-from` and `replicate-to`; or leave the data out of the manifest; or let the tool ignore what the field manager `k8s-replicator` owns. `docs/gitops.md` shows each, for Helm, Argo CD and Flux."
    CertificateUnreadable
        "The certificate cannot be read, so whether the key belongs to it is not known; it is copied as it is."
        "Look whether `tls.crt` and `tls.key` are PEM. Keys of a kind that the TLS library does not know, such as P-521, are copied unchecked."
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_documented() {
        let docs = include_str!("../../../docs/reasons.md");
        let mut documented: Vec<&str> =
            docs.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(code, _)| code).collect();
        let mut codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(documented, codes, "docs/reasons.md lists the codes in the order of the enum");
        documented.sort_unstable();
        documented.dedup();
        codes.sort_unstable();
        assert_eq!(documented, codes, "a code stands for one reason");
        for reason in Reason::ALL {
            let row = docs.lines().find(|line| line.starts_with(&format!("| `{reason}` | "))).unwrap_or_default();
            let cells: Vec<&str> =
                row.trim_matches('|').split(" | ").map(|cell| cell.trim_matches([' ', '|'])).collect();
            let [_, meaning, to_do] = cells[..] else { panic!("{reason}: a code, its meaning, what to do: {row}") };
            assert_eq!(meaning, reason.sentence(), "the sentence is the documentation's");
            assert_eq!(to_do, reason.remedy(), "what to do is the documentation's");
            assert!(to_do.ends_with('.'), "{reason}: what is to be done?");
        }
    }
}
