//! `app --once`: loads the files in the folder, and prints their outcomes.

use std::io::Write;
use std::time::Instant;

use super::{End, screen, table};
use crate::daemon::{self, Until};
use crate::settings::Settings;
use crate::source::{FAILED, OWN_FAILED, foreign_failed};

pub(super) async fn run(settings: Settings, json: bool, quiet: bool) -> anyhow::Result<End> {
    let started = Instant::now();
    let folder = settings.folders.imports_dir.clone();
    let totals = daemon::run(&settings, &folder, Until::Empty, |_, _| {}).await?;
    let is_idle = totals.loaded + totals.duplicates + totals.failed + totals.waiting + totals.lost == 0;
    if json {
        table::print_json(&totals)?;
    } else if !(quiet && is_idle) {
        let next = if totals.lost > 0 {
            " Next: app status, which names what the database has lost".to_owned()
        } else if totals.waiting > 0 {
            " Next: app --once again, when what is said above is fixed".to_owned()
        } else if totals.failed > 0 {
            // If another user owns failed/, the files go elsewhere.
            let is_foreign = foreign_failed(&folder).is_ok_and(|foreign| foreign.is_some());
            let failed = folder.join(if is_foreign { OWN_FAILED } else { FAILED });
            format!(" Next: look into {}/", failed.display())
        } else if totals.rows_rejected > 0 {
            " Next: app rejects".to_owned()
        } else if totals.loaded > 0 {
            " Next: app --pipeline".to_owned()
        } else {
            String::new()
        };
        writeln!(
            screen::stdout(),
            "files: {} loaded, {} duplicate, {} failed, {} waiting; rows: {} read = {} loaded + {} rejected + {} \
             duplicate + {} filtered; {:.1} s.{next}",
            totals.loaded,
            totals.duplicates,
            totals.failed,
            totals.waiting,
            totals.rows_read,
            totals.rows_loaded,
            totals.rows_rejected,
            totals.rows_duplicate,
            totals.rows_filtered,
            started.elapsed().as_secs_f64()
        )?;
    }
    Ok(if totals.failed + totals.waiting + totals.lost > 0 {
        End::Failed
    } else if totals.rows_rejected > 0 {
        End::Rejects
    } else {
        End::Done
    })
}
