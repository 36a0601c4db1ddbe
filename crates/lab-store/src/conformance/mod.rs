//! What a store promises, as cases that every back end passes.
//!
//! A case is a function whose name is the promise; the list below makes a test of each for each back end. A case that is
//! left off the list is dead code, which the compiler reports.

mod artifacts;
mod commit;
mod documents;
mod events;
mod experiments;
mod filters;
mod fold;
pub(crate) mod given;
mod lineage;
mod logs;
mod metrics;
mod numbers;
pub(crate) mod operations;
mod parameters;
mod runs;
mod search;
mod values;

/// Empty stores, one for each call.
mod fresh {
    use crate::sqlite::SqliteStore;

    /// A store and what must live as long as it does.
    pub(super) struct Sqlite {
        pub(super) store: SqliteStore,
        _folder: tempfile::TempDir,
    }

    pub(super) async fn sqlite() -> Sqlite {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let store = SqliteStore::open(&folder.path().join("lab.db")).expect("a new store");
        Sqlite { store, _folder: folder }
    }
}

macro_rules! on_every_back_end {
    ($($topic:ident :: $promise:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let fresh = super::fresh::sqlite().await;
                    super::$topic::$promise(&fresh.store).await;
                }
            )+
        }
    };
}

on_every_back_end! {
    artifacts::an_artifact_is_found_by_id_and_by_run,
    artifacts::an_artifact_of_no_run_or_with_a_taken_id_is_refused,
    artifacts::of_one_name_the_latest_comes_first,
    commit::a_change_its_lineage_and_its_events_are_one,
    commit::a_failing_change_leaves_the_others_of_its_group_alone,
    commit::a_replayed_record_is_refused_and_writes_nothing,
    commit::an_empty_change_tells_the_last_event,
    commit::each_expectation_that_fails_writes_nothing,
    commit::each_write_about_no_run_is_not_found,
    commit::expectations_that_hold_let_the_change_through,
    commit::calls_after_close_fail_clearly,
    commit::an_open_store_passes_its_check,
    documents::a_document_reads_back_whole,
    documents::a_document_is_replaced_only_at_the_revision_expected,
    documents::documents_are_found_by_scope_and_by_beginning,
    documents::artifacts_are_removed_with_their_nodes,
    events::a_watcher_wakes_up,
    events::events_of_new_runs_tell_their_number_and_name,
    events::events_are_read_from_a_position_on,
    events::positions_have_no_gap_under_concurrency_and_refusals,
    experiments::a_name_is_unique,
    experiments::an_experiment_reads_back_whole,
    experiments::an_update_needs_the_next_revision,
    experiments::concurrent_updates_lose_none,
    experiments::experiments_are_found_by_filter,
    experiments::runs_are_counted_by_status,
    experiments::users_are_kept_once,
    fold::batches_become_chunks_and_nothing_that_is_read_changes,
    fold::few_batches_are_left_as_they_are,
    fold::points_that_come_between_folds_are_kept_once,
    fold::a_long_series_is_read_by_range_and_for_a_plot,
    fold::a_run_that_is_gone_is_not_folded,
    filters::absent_is_neither_equal_nor_different,
    filters::every_operator_means_what_the_model_says,
    filters::nan_satisfies_only_not_equal,
    filters::owners_are_found_by_name_and_by_id,
    filters::deep_and_long_filters_are_answered_or_refused,
    filters::random_filters_agree_with_the_model,
    lineage::a_walk_goes_up_down_or_both_ways,
    lineage::depth_and_limit_cut_and_say_so,
    lineage::filters_keep_the_walk_out,
    lineage::nodes_and_edges_that_exist_stay,
    lineage::circles_end,
    logs::lines_are_read_from_any_line,
    logs::lines_are_counted_and_highlighted,
    metrics::a_series_is_told_from_others_by_its_context,
    metrics::a_wide_batch_and_a_narrow_one_are_both_read,
    metrics::nan_and_infinity_are_kept_and_counted_apart,
    metrics::order_and_repeats_are_kept,
    metrics::points_are_cut_to_a_range,
    metrics::quantiles_are_exact_once_a_run_was_finalised,
    metrics::quantiles_are_taken_back_when_points_follow,
    metrics::summaries_are_read_for_many_runs,
    metrics::concurrent_batches_are_all_counted,
    metrics::no_points_are_no_series,
    numbers::numbers_are_counted_within_each_experiment,
    numbers::numbers_have_no_gap_and_no_twin_under_concurrency,
    numbers::the_number_of_a_deleted_run_is_not_given_again,
    operations::metrics_agree_with_a_naive_store,
    parameters::a_parameter_never_changes,
    parameters::nan_is_the_same_as_nan,
    parameters::values_are_kept_bit_by_bit,
    runs::a_deleted_run_takes_along_what_is_its_own,
    runs::a_heartbeat_never_goes_back,
    runs::a_nameless_run_is_named_by_its_number,
    runs::a_run_reads_back_whole,
    runs::a_status_is_set_with_its_times_and_error,
    runs::an_environment_is_stored_once,
    runs::each_change_is_counted,
    runs::silent_runs_are_found,
    runs::tags_are_set_and_removed,
    search::a_cursor_of_another_search_is_refused,
    search::missing_comes_last_both_ways,
    search::pages_are_stable_while_runs_are_added,
    search::pages_have_every_run_once_in_any_order,
    search::runs_come_newest_first,
    search::runs_are_searched_within_experiments,
    search::questions_without_an_answer_are_refused,
    values::values_read_back_in_order,
}
