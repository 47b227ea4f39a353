//! Makes the questions' views, in one transaction. A view that the database refuses leaves the others alone, and stays
//! as it was.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::questions::{Failures, Question, Questions, fail, in_order};
use crate::catalog::{ChangedView, QuestionView, Workspace, columns_read, describe_views};
use crate::pipeline::{RunError, given_by_views};
use crate::project::ModelError;
use crate::sql::{Names, Output, Schema, Table, described};
use crate::warehouse::relying::definition_of;
use crate::warehouse::{DroppedView, Transaction, WarehouseError};

/// Makes a view of each question, after those that it reads; moves questions that fail to the failures.
///
/// # Errors
/// The database's error that is no question's fault.
pub(super) async fn make(
    workspace: &Workspace,
    questions: &mut Questions,
    failures: &mut Failures,
    started_at: DateTime<Utc>,
) -> Result<(), RunError> {
    let names = workspace.warehouse.names();
    let own_views = crate::project::own_views(&workspace.sql);
    let mut transaction = workspace.catalog.begin_run().await?;
    // The outputs of the views: SQLite does not know the types of computed columns.
    let read = questions.values().flat_map(|question| question.select.tables(names));
    let of_star = read.map(|table| table.name).filter(|name| !questions.contains_key(name)).collect();
    let mut given = given_by_views(workspace, &mut *transaction, of_star).await;
    let made = workspace.catalog.questions(&mut *transaction).await?;
    let own: Vec<_> = questions.keys().map(|name| Table::datawarehouse(name)).collect();
    let mut others = workspace.catalog.views_over(&mut *transaction, &own).await?;
    let mut dropped = Vec::new();
    for name in in_order(names, questions, failures) {
        let Some(question) = questions.get_mut(&name) else { continue };
        transaction.execute("savepoint sluice_question", &[]).await?;
        let done = match reads_failed(names, question, failures) {
            Some(error) => Err(error.into()),
            None => make_one(&mut *transaction, names, &name, question, &given, &own_views)
                .await
                .map(|gone| dropped.extend(gone)),
        };
        match done {
            Ok(()) => {
                keep(workspace, &mut *transaction, &name, question, &made).await?;
                given.insert(name, question.outputs.clone());
            }
            Err(RunError::Model(error)) => {
                transaction.execute("rollback to savepoint sluice_question", &[]).await?;
                fail(questions, failures, &name, error.into());
            }
            Err(error) => return Err(error),
        }
        transaction.execute("release savepoint sluice_question", &[]).await?;
    }
    // The views of questions that failed are those of earlier files.
    others.leave_out(|name| questions.contains_key(name));
    let changed = workspace.catalog.translate_views(&mut *transaction, &others, dropped, given).await?;
    say_changed(names, questions, changed);
    let views = serde_json::to_string(&questions.keys().collect::<Vec<_>>()).unwrap_or_default();
    workspace.catalog.run_done(&mut *transaction, "analysis", started_at, views).await?;
    transaction.commit().await?;
    Ok(())
}

/// Logs what became of the views of questions that failed.
fn say_changed(names: &Names, questions: &Questions, changed: Vec<ChangedView>) {
    for ChangedView { view, dropped } in changed {
        let shown = names.shown(&view);
        match dropped {
            _ if questions.contains_key(&view.name) => {}
            None => info!(view = shown, "the view is translated anew, because what it reads has other columns"),
            Some(why) => warn!(view = shown, "the view cannot be read any more and was dropped: {why}; fix its file"),
        }
    }
}

/// Records the view as this question's, with the exports of its results, past and present.
async fn keep(
    workspace: &Workspace,
    transaction: &mut dyn Transaction,
    name: &str,
    question: &Question,
    made: &[QuestionView],
) -> Result<(), WarehouseError> {
    let view = Table::datawarehouse(name);
    let Some(definition) = definition_of(transaction, workspace.warehouse.names(), &view).await? else { return Ok(()) };
    let before = made.iter().find(|one| one.name == name);
    let mut exports: Vec<_> = before.map(|one| one.exports.clone()).unwrap_or_default();
    exports.extend(question.header.exports.iter().map(|format| format.ending().to_owned()));
    exports.sort();
    exports.dedup();
    let now = QuestionView { name: name.to_owned(), definition, exports };
    if before != Some(&now) {
        workspace.catalog.keep_question(transaction, &now).await?;
    }
    workspace.catalog.keep_view(transaction, name, &question.select).await
}

/// Returns the error of a question whose source failed: the source's view still has an earlier text, and would answer
/// another question.
fn reads_failed(names: &Names, question: &Question, failures: &Failures) -> Option<ModelError> {
    let reads = question.select.tables(names).into_iter();
    let mut reads = reads.filter(|table| table.schema == Schema::Datawarehouse && failures.contains_key(&table.name));
    let table = reads.next()?;
    Some(question.error_of_select(format!("it reads {}, whose own file is at fault", names.shown(&table))))
}

async fn make_one(
    transaction: &mut dyn Transaction,
    names: &Names,
    name: &str,
    question: &mut Question,
    given: &BTreeMap<String, Vec<Output>>,
    own_views: &[Table],
) -> Result<Vec<DroppedView>, RunError> {
    let view = Table::datawarehouse(name);
    let columns = columns_read(transaction, names, &question.select).await;
    let mut columns = columns.map_err(|why| question.error_of_select(why))?;
    describe_views(&mut columns, given);
    let select = question.select.sql(names, &columns);
    let select = select.map_err(|error| ModelError::of_sql(question.of_select().0, &error))?;
    let outputs = question.select.outputs(names, &columns);
    let repeat = outputs.iter().enumerate().find(|(at, one)| outputs[..*at].iter().any(|other| other.name == one.name));
    if let Some((_, repeat)) = repeat {
        return Err(question.error_of_select(format!("the select gives two columns the name {}", repeat.name)).into());
    }
    let done = transaction.replace_view(&view, &select, own_views).await;
    let dropped = done.map_err(|refused| at_fault(question, refused))?;
    question.outputs = outputs;
    question.columns = described(transaction.columns(&view).await?, &question.outputs);
    let given: Vec<_> = question.columns.iter().map(|column| column.name.as_str()).collect();
    question.header.check(&given, question.text()).map_err(|wrong| question.error_of_header(wrong))?;
    Ok(dropped)
}

/// Returns the error of a refused statement: the question's, or the database's.
fn at_fault(question: &Question, refused: WarehouseError) -> RunError {
    match refused {
        refused if refused.is_transient() => refused.into(),
        refused => question.error_of_select(refused.to_string()).into(),
    }
}
