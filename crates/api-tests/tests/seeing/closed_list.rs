//! The closed list of reasons and advice: each has a test in which `explain` on the real API server names it, the annotation or fact
//! behind it and what to do, and in which that is done and works. One without a test does not compile.

use k8s_replicator_core::reason::Reason;

use super::{advice, explain, failed, held};
use crate::rights;

/// Where it is shown.
enum Shown {
    /// In a row of a table: the reasons of its rows, and the test that goes through them.
    In(fn() -> Vec<&'static str>, fn()),
    /// By a test of its own.
    By(fn()),
}

use Shown::{By, In};

#[allow(clippy::enum_glob_use, reason = "the whole list, and nothing else")]
fn shown(reason: Reason) -> Shown {
    use Reason::*;
    match reason {
        ConsentMissing | ConsentRefused | NamespaceNotAllowed | ChainNotAllowed | SourceMissing | ChainBroken
        | SourceIllFormed | IllFormed | Paused | Ring | ChainNotVisible | PushesItself | NotATarget | Loop
        | ProtectedType | TargetImmutable | KeyMissing | KeyNotAllowed => {
            In(explain::reasons_of_pulls, explain::the_remedy_of_what_keeps_a_pull_from_its_data_works)
        }
        NotCreatedBySource | NotAccepted | NotWanted | NamespaceMissing | NamespaceIllFormed | NamespaceExcluded
        | SourceNotWatched | NamespaceNotWatched | KeyRequired => {
            In(explain::reasons_of_pushes, explain::the_remedy_of_what_keeps_a_push_from_its_target_works)
        }
        NewTarget | FirstCopy | SourceChanged | OnceVersionChanged | Adopted | InheritedChanged | TypeChanged
        | ReplicaImmutable | KeysTrimmed => In(held::reasons, held::what_is_about_to_be_written_is_said_and_is_written),
        ItemNamesNothing
        | ListNamesNothing
        | NoNamespaceReached
        | LooksLikeGlob
        | NamesAreNamespaces
        | PushesOwnData
        | UnknownAnnotation
        | StubWillConflict
        | CertificateUnreadable => In(advice::reasons, advice::each_advice_is_given_and_goes_when_it_is_followed),
        Drift | Emptied => By(held::what_is_undone_is_had_in_another_way),
        UpToDate => By(explain::its_exit_code_says_whether_something_is_the_matter),
        AnotherSourceWins => By(explain::a_source_that_does_not_get_the_name_is_told_who_has_it),
        HeldByOnce => By(held::what_once_holds_is_well_and_newer_data_can_be_had),
        SourceStoppedPushing => By(held::what_its_source_does_not_push_to_any_more_can_be_kept),
        RemovalDelayed => By(held::what_waits_for_the_removal_delay_is_saved_by_its_source),
        RemovalHeld => By(held::what_the_removal_limit_holds_is_approved),
        BeingDeleted => By(held::what_is_being_deleted_says_what_holds_it),
        NamespaceTerminating => By(held::what_a_terminating_namespace_keeps_away_comes_when_it_is_there_again),
        NotMadeByController => By(held::what_somebody_else_made_is_deleted_by_a_person),
        SourceIncomplete => By(held::half_a_certificate_is_held_until_it_is_whole),
        ChainTooLong => By(held::a_chain_that_is_too_long_is_cut_short),
        Forbidden => By(failed::a_right_that_is_missing),
        Invalid => By(failed::a_policy_that_the_source_does_not_meet),
        Contested => By(failed::somebody_who_undoes_it),
        Conflict => By(failed::conflicts_that_go_on),
        Throttled => By(failed::a_server_that_asks_for_fewer_requests),
        ServerError => By(failed::a_webhook_that_is_away),
        Unreachable => By(failed::a_way_that_breaks),
        // No command says it: each lists to the end before it answers, and has no answer (exit code 2) where it cannot. The controller's
        // log and /healthz say it, as its remedy tells.
        NotReady => By(rights::without_rights_on_one_kind_the_other_is_replicated),
    }
}

#[test]
fn every_reason_and_advice_has_a_test_of_its_remedy() {
    for reason in Reason::ALL {
        match shown(*reason) {
            In(reasons, test) => {
                let _: fn() = test;
                assert!(reasons().contains(&reason.code()), "{reason} is not in the table any more");
            }
            By(test) => {
                let _: fn() = test;
            }
        }
    }
}
