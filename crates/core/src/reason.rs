//! The closed list of every "why".
//!
//! A reason's code is the same in the log line, the metric label, the Event and `explain`; `docs/reasons.md` describes
//! each code, and a test sees that none is missing there.

use std::fmt;

macro_rules! reasons {
    ($($variant:ident $sentence:literal)+) => {
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
        }
    };
}

reasons! {
    // Why a replica is written.
    NewTarget "A source pushes to this name, and no object has it yet."
    FirstCopy "The replica does not hold a copy of its source yet."
    SourceChanged "The source's data changed since it was copied."
    Drift "The replica's data was changed by someone else."
    OnceVersionChanged "The source asks for one more copy by a new replicate-once-version."
    Emptied "The replica was emptied by someone else; a replicate-once replica is filled again."
    Adopted "Someone else copied or restored the replica, and its source pushes to it: the controller takes it over."
    InheritedChanged "The data is up to date, but annotations that the replica takes from its source are not."

    // Why a replica is cleared or deleted.
    SourceMissing "The source does not exist."
    SourceStoppedPushing "The source that made this replica does not push to it any more."
    ConsentMissing "The source carries neither replication-allowed nor replication-allowed-namespaces."
    ConsentRefused "The source says replication-allowed: false."
    NamespaceNotAllowed "The source's replication-allowed-namespaces do not name this namespace."
    ChainNotAllowed "The source is itself a replica, and the chain above it does not allow this namespace."
    ChainBroken "The source is itself a replica, and holds no copy."
    TypeChanged "The source's type is another one now; a type cannot be changed, so the replica is made again."
    ReplicaImmutable "The replica is immutable; it is made again to change it."
    NotAccepted "The target's namespace does not accept replicas from the source's namespace."
    KeysTrimmed "The target holds keys that the source, or the chain above it, does not allow any more."

    // Why nothing is done.
    UpToDate "The replica agrees with its source."
    HeldByOnce "The replica holds a copy, and replicate-once keeps newer data away."
    Paused "The target, its source or its namespace is paused."
    RemovalHeld "More replicas are due for removal because of one source than --removal-limit allows; they are held until the cause goes, or each is approved."
    RemovalDelayed "The source is missing, or lost all annotations of its push or consent; the replica is removed if that stays so for the removal delay."
    SourceIncomplete "The source's certificate and key do not belong together, or one is missing: it is held until the pair is whole."
    NotATarget "Neither replicate-from nor replicated-by: the object is not a target."
    PushesItself "The object pushes, so its replicate-from is meant for its targets."
    NotWanted "The object does not exist, and no source pushes to its name."
    NamespaceMissing "The target's namespace does not exist yet."
    NamespaceTerminating "The target's namespace is being deleted."
    BeingDeleted "The target is being deleted and waits for its finalizers."
    NotReady "The first lists are not complete."

    // Why a request of the annotations is refused.
    IllFormed "The object's annotations are ill-formed; it is left alone."
    SourceIllFormed "The source's annotations are ill-formed; what depends on it is left alone."
    NotCreatedBySource "A source pushes to this name, but the object was not made by it."
    NotMadeByController "The replica's source does not push to it any more, but someone else made the replica: it is left alone."
    AnotherSourceWins "Several sources push to this name, and another has it: the one that made the object, or else the oldest."
    Loop "The source's data comes from this very target."
    Ring "Following replicate-from from the source leads back to this target."
    ChainTooLong "Following replicate-from from the source leads through too many objects."
    ChainNotVisible "An object above the source, which is itself a replica, is missing or ill-formed: whether it allows this namespace is not known."
    NamespaceExcluded "--exclude-namespaces names the target's namespace: what is there is left alone."
    NamespaceIllFormed "The annotations of the target's namespace are ill-formed; nothing changes there."
    KeyMissing "replicate-keys names a key that the source does not have, or two of its keys would get one name."
    KeyNotAllowed "replicate-keys names a key that the source, or the chain above it, does not allow."
    KeyRequired "The target's type requires a key that it would not get."
    SourceNotWatched "The source is in a namespace that the program does not watch; whether it exists is not known."
    NamespaceNotWatched "A source pushes to a namespace that the program does not watch."
    ProtectedType "Secrets of this type are never a source and never a target."
    TargetImmutable "The target is immutable and belongs to its user."

    // Why an attempt failed. It is tried again.
    Contested "Someone else keeps changing the replica; it is put right after growing pauses."
    Conflict "The object changed at the same time; it is looked at again."
    Throttled "The API server asks for fewer requests."
    Forbidden "The controller lacks a permission."
    Invalid "The API server does not accept the object."
    ServerError "The API server failed."
    Unreachable "The API server could not be reached, or did not answer in time."

    // Advice: it blocks nothing.
    ItemNamesNothing "An item of a list cannot name any namespace."
    ListNamesNothing "A list names nothing."
    NoNamespaceReached "No namespace that exists is named by the push."
    LooksLikeGlob "A pattern looks like a glob, and is a regular expression."
    NamesAreNamespaces "replicate-to lists names of objects, and every name in it is that of a namespace."
    PushesOwnData "The object pushes, so that its replicate-from does not fill itself, though it has data."
    UnknownAnnotation "A replica has an annotation under the prefix that is unknown or ill-formed; it is passed over."
    StubWillConflict "Another tool gives the target keys that its source will fill; applying them again is refused, or undoes the copy."
    CertificateUnreadable "The certificate cannot be read, so whether the key belongs to it is not known; it is copied as it is."
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
            assert!(to_do.ends_with('.'), "{reason}: what is to be done?");
        }
    }
}
