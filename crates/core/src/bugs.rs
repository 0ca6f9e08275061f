//! Mistakes made on purpose, to see that the tests find them. None is ever made in a release build.
//!
//! [`bug!`](crate::bug) stands where the mistake would be: `if bug!(LoopForgotten) { … }`. It is false, unless a test has planted that
//! mistake in its own thread ([`plant`]). `crates/sim` runs the whole controller with each of them, and has to find it:
//! `docs/reliability.md` has the table.
//!
//! In a build without `debug_assertions`, as every release is, [`bug!`](crate::bug) is the constant `false`, which the compiler checks
//! below; so what it guards is not compiled in.

macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $name:ident,)+) => {
        /// A mistake. The documentation of each variant describes it, and is also its line in `docs/reliability.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($(#[doc = $what])+ $name,)+
        }

        impl Bug {
            /// All mistakes: each with its name and its description.
            pub const ALL: &'static [(Bug, &'static str, &'static str)] =
                &[$((Bug::$name, stringify!($name), concat!($($what),+)),)+];
        }
    };
}

bugs! {
    // --- What is known of the cluster ---
    /// Targets are written, cleared and deleted before the first lists are complete.
    FirstListsNotAwaited,
    /// An object that is missing in a later list is taken to exist still.
    NotListedIsKept,
    /// A list ends after its first page.
    FirstPageOnly,
    /// A 200 without a resourceVersion, or that is no list at all, is a complete list.
    AnySuccessIsAList,
    /// An object of a list that cannot be read is passed over, and so counts as missing.
    UnreadableIsMissing,
    /// A DELETED event of an object is ignored.
    DeletionLost,
    /// A watch event of a new namespace is ignored.
    NamespaceLost,
    /// A watch that the server ended by 410 is begun again from the same version.
    ExpiredGoesOn,
    /// Versions that go back, as after a restore of etcd, are not noticed.
    VersionsBackUnnoticed,
    /// A watch that is silent since its version lies in the future is waited for.
    SilentWatchTrusted,
    /// An object that a list shows at an older version than was known is not taken back to it.
    OlderInListIgnored,
    /// The targets of a change are not looked at, if they pull from what changed.
    PullersNotTouched,
    /// The targets of a change are not looked at, if it pushes to them.
    ReplicasNotTouched,
    /// A name that becomes free is not looked at for those who push to it.
    FreeNameNotTaken,
    /// Objects that pull from a chain are not looked at when a link of it pulls from another source.
    ChainNotTouched,
    /// After a restart every replica is believed, whoever wrote its data last.
    RestartBelievesAll,
    /// A replica that somebody edited is still believed to hold what the controller wrote.
    DriftUnnoticed,
    /// The fingerprint of a source is kept when the source changes.
    StaleFingerprint,
    /// A source's content that was kept is copied, though the source has another version by now.
    StalePayload,
    /// Lists of verification are made, and nothing is compared.
    VerificationSkipped,

    // --- Deciding ---
    /// The loop check (SPEC 5.4) is forgotten.
    LoopForgotten,
    /// The ring check (SPEC 5.6) is forgotten.
    RingForgotten,
    /// Whether the chain above allows the namespace (SPEC 5.3) is not checked.
    ChainForgotten,
    /// The allowed namespaces are not narrowed by what the chain above allows (SPEC 5.8).
    NarrowingForgotten,
    /// A source without consent is copied (SPEC 5.2).
    ConsentForgotten,
    /// A source with `replication-allowed: "false"` is copied under `--allow-all` (SPEC 5.2).
    RefusalForgotten,
    /// An ill-formed source counts as one that pushes nothing.
    IllFormedIsSilent,
    /// An ill-formed annotation on a replica freezes the replica.
    IllFormedNoteFreezes,
    /// A replica is deleted without a check whether others copied or restored it.
    OthersCopiesDeleted,
    /// Replicas that others made are not adopted.
    AdoptionForgotten,
    /// The youngest of several sources gets the name.
    YoungestWins,
    /// Secrets of protected types are sources and targets.
    ProtectedTypesCopied,
    /// The removal delay is forgotten.
    DelayForgotten,
    /// The removal delay is not kept for sources that were missing, or without annotations, already when the program started.
    DelayForgottenAtStart,
    /// The removal delay begins anew each time the target is looked at.
    DelayNeverEnds,
    /// `removal-delay: never` is read as the flag's time.
    NeverIsForgotten,
    /// A removal that a source asks for explicitly waits for the removal delay too.
    SaidOutrightWaits,
    /// A target that is being deleted keeps what was withdrawn.
    TerminatingTargetsKept,
    /// Once-replicas are given newer data.
    OnceForgotten,
    /// Once-replicas are not emptied.
    OnceShieldsFromClear,
    /// A once-replica that was emptied stays empty.
    EmptiedOnceStays,
    /// A new `replicate-once-version` copies nothing.
    OnceVersionForgotten,
    /// A half-issued certificate is copied.
    HalfIssuedCopied,
    /// A replica whose source has another type by now is updated, and not made anew.
    OtherTypeIsUpdated,
    /// An immutable replica is updated, and not made anew.
    ImmutableIsUpdated,
    /// Inherited annotations do not follow when the data is the same.
    InheritedStays,

    // --- Policy ---
    /// A namespace whose labels change is not looked at again.
    RelabelledNotTouched,
    /// What a label selector names an item with `!` does not take away.
    ExceptionsForgotten,
    /// A consent by a label selector is one for every namespace.
    ConsentSelectorForgotten,
    /// Label selectors of objects further up a chain are not checked.
    ChainLabelsForgotten,
    /// A missing object of a chain, which allowed namespaces by labels or only some keys, is taken to allow everything.
    UnseenChainAllows,
    /// `accept-replicas-from` of the target's namespace is not checked.
    AcceptanceForgotten,
    /// A namespace without `accept-replicas-from` accepts every source, under `--require-acceptance` too.
    RequirementForgotten,
    /// A replica stays although its namespace does not accept it any more.
    UnacceptedStays,
    /// Excluded namespaces are written in.
    ExclusionForgotten,
    /// Ill-formed annotations of a Namespace are ignored.
    IllFormedNamespacePassed,
    /// A paused Namespace is written in.
    PausedNamespaceWritten,
    /// A paused target is written.
    PausedTargetWritten,
    /// A paused source is followed.
    PausedSourceFollowed,
    /// All keys are copied, whatever is asked for.
    KeysForgotten,
    /// Keys are copied under their own names.
    RenamesForgotten,
    /// A key that is asked for by its name, and that the source lacks, is ignored.
    MissingKeyPassed,
    /// A pulling target gets all keys, whatever `replication-allowed-keys` says.
    AllowedKeysForgotten,
    /// Keys that a target holds, and that its source does not allow any more, stay.
    KeysNotTrimmed,
    /// Replicas have their source's type, whatever is asked for.
    OtherTypeForgotten,
    /// No labels and annotations are copied.
    LabelsForgotten,
    /// Labels by which other tools own objects are copied with the others.
    MarksCopied,
    /// Labels that are not asked for any more stay.
    LabelsStay,
    /// New replicas have none of the labels of `--create-with-labels`.
    CreatedWithoutLabels,
    /// A label that is not copied any more is gone, though `--create-with-labels` has it.
    LabelDoesNotReturn,
    /// Any number of replicas is removed at once.
    LimitForgotten,
    /// Replicas that were removed a moment ago are not counted.
    LimitForgetsTheRemoved,
    /// Approved replicas are held too.
    ApprovalForgotten,
    /// An approval stays when the replica is followed again.
    ApprovalStays,

    // --- Asking and writing ---
    /// Updates carry no resourceVersion.
    UpdateWithoutVersion,
    /// Deletes carry no preconditions.
    DeleteWithoutPreconditions,
    /// Updates and deletes carry another field manager's name.
    OtherManager,
    /// A 404 is believed also when a newer watch event came before it.
    Old404Believed,
    /// Any 404 is believed, a proxy's page too.
    Any404Believed,
    /// A read that fails, however it does, says that the object is missing.
    FailedReadIsMissing,
    /// A 404 is not believed as long as the graph holds the object.
    No404Believed,
    /// A 403 "namespace is being terminated" is believed, and not tried again.
    TerminatingAnswerBelieved,
    /// An update that was refused as invalid is sent again unchanged, without a read of the target.
    InvalidNotLookedInto,
    /// A write that failed is not tried again.
    WriteNotRetried,
    /// A read that failed is not tried again.
    ReadNotRetried,
    /// Failures are not reported.
    FailureNotReported,
    /// The budget of requests and the pauses of retries are off.
    BudgetOff,
    /// An object that changes quickly is not followed when its changes have ended.
    StormForgotten,
    /// Targets that waited for room in their namespace are not handed out again.
    ParkedForever,
    /// Requests that hang in one namespace take the room of all others.
    NoRoomKept,
    /// A webhook that denies with 503 in one namespace, and says when to come back, closes the window for all.
    OneTroubleIsAll,
    /// Namespaces and causes do not take turns.
    FairnessOff,
    /// Messages of the API server are shown unchanged, with the values that they quote.
    RedactionOff,

    // --- Leadership ---
    /// Standbys write.
    StandbyWrites,
    /// A standby does not wait until the lease has run out.
    LeaseTakenAtOnce,
    /// A leader that cannot renew its lease goes on writing.
    DeadlineForgotten,
    /// A controller that has asked for the lease writes before it is granted.
    LeadsBeforeGranted,
    /// The lease is written without its resourceVersion.
    LeaseWithoutVersion,

    // --- Scopes of namespaces (`--namespaces`) ---
    /// Targets outside of `--namespaces` are written.
    OutsideWritten,
    /// Sources outside of `--namespaces` are looked up.
    OutsideLookedUp,
    /// A source outside of `--namespaces` is taken to be missing.
    OutsideIsMissing,
    /// A list of one namespace's objects is taken to be one of all namespaces.
    OneListIsAll,
    /// A Namespace that is polled is read once, and never again.
    PolledOnce,

    // --- What is told ---
    /// What is refused is not reported.
    RefusalNotReported,
    /// Failed writes are recorded as Events that say they were done.
    FailureRecordedAsDone,
    /// Any number of Events is written on one object.
    EventsUnlimited,
}

/// Whether a test has planted this mistake in the current thread: `bug!(LoopForgotten)`.
#[macro_export]
macro_rules! bug {
    ($name:ident) => {
        $crate::bugs::is_planted($crate::bugs::Bug::$name)
    };
}

#[cfg(debug_assertions)]
mod planted {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants this mistake in the current thread; `None`: removes it.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// See [`bug!`](crate::bug).
    #[must_use]
    #[inline]
    pub fn is_planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(not(debug_assertions))]
mod planted {
    use super::Bug;

    /// Does nothing in a release build.
    pub fn plant(_: Option<Bug>) {}

    /// Never, in a release build.
    #[must_use]
    #[inline(always)]
    pub const fn is_planted(_: Bug) -> bool {
        false
    }

    // It is a constant, or this does not compile.
    const _: () = assert!(!is_planted(Bug::LoopForgotten));
}

pub use planted::{is_planted, plant};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_made_where_it_was_planted_and_nowhere_else() {
        plant(Some(Bug::LoopForgotten));
        assert!(bug!(LoopForgotten) && !bug!(RingForgotten));
        assert!(std::thread::spawn(|| !bug!(LoopForgotten)).join().unwrap());
        plant(None);
        assert!(!bug!(LoopForgotten));
    }

    #[test]
    fn no_release_has_debug_assertions() {
        let manifest = include_str!("../../../Cargo.toml");
        assert!(!manifest.contains("debug-assertions"), "the mistakes would be in the release");
    }
}
