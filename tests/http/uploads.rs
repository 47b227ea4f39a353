//! Uploads in parts, as clients of tus make them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::http::{Answer, Served};
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        parts_outlive_a_kill,
        a_part_that_does_not_fit_is_refused,
        clients_of_other_versions_are_told;
}

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const PART: (&str, &str) = ("content-type", "application/offset+octet-stream");

fn create(served: &Served, name: &str, length: usize) -> anyhow::Result<Answer> {
    let name = format!("filename {},filetype {}", STANDARD.encode(name), STANDARD.encode("text/csv"));
    let length = length.to_string();
    served.call("POST", "/uploads", &[TUS, ("upload-length", &length), ("upload-metadata", &name)], b"")
}

fn patch(served: &Served, place: &str, offset: usize, more: &[(&str, &str)], part: &[u8]) -> anyhow::Result<Answer> {
    let offset = offset.to_string();
    let mut headers = vec![TUS, ("upload-offset", offset.as_str())];
    headers.extend(more);
    if !more.iter().any(|(name, _)| *name == PART.0) {
        headers.push(PART);
    }
    served.call("PATCH", place, &headers, part)
}

fn offset(served: &Served, place: &str) -> anyhow::Result<Option<String>> {
    Ok(served.call("HEAD", place, &[TUS], b"")?.header("upload-offset").map(str::to_owned))
}

async fn parts_outlive_a_kill(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = b"id,name\n1,a\n2,b\n3,c\n";
    let served = Served::start(&workdir, &database, &[])?;
    let begun = create(&served, "o.csv", text.len())?;
    same((begun.status, begun.header("tus-resumable")), (201, Some("1.0.0")))?;
    let place = begun.header("location").unwrap_or_default().to_owned();
    same(patch(&served, &place, 0, &[], &text[..10])?.header("upload-offset"), Some("10"))?;
    served.daemon.kill()?;
    let mut served = Served::start(&workdir, &database, &[])?;
    same(offset(&served, &place)?.as_deref(), Some("10"))?;
    let last = patch(&served, &place, 10, &[], &text[10..])?;
    same((last.status, last.header("upload-offset")), (204, Some("20")))?;
    let claim = last.header("sluice-claim").unwrap_or_default().to_owned();
    served.daemon.wait_for(&["loaded o.csv: 3 rows"])?;
    // A client that has not heard the last answer asks, and sends nothing twice.
    same(offset(&served, &place)?.as_deref(), Some("20"))?;
    same(patch(&served, &place, 20, &[], b"")?.header("sluice-claim"), Some(claim.as_str()))?;
    let found = served.get(&format!("/claims/{claim}"))?.json()?;
    same((found["loads"][0]["rows_loaded"].as_i64(), found["loads"].as_array().map(Vec::len)), (Some(3), Some(1)))?;
    same(database.text("select count(*) from staging.o").await?, "3")
}

async fn a_part_that_does_not_fit_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = b"id\n1\n2\n";
    let mut served = Served::start(&workdir, &database, &[])?;
    let place = create(&served, "o.csv", text.len())?.header("location").unwrap_or_default().to_owned();
    let elsewhere = patch(&served, &place, 3, &[], &text[3..])?;
    same((elsewhere.status, elsewhere.header("upload-offset")), (409, Some("0")))?;
    let wrong = patch(&served, &place, 0, &[("upload-checksum", "sha1 AAAA")], &text[..5])?;
    same((wrong.status, offset(&served, &place)?.as_deref()), (460, Some("0")))?;
    let sum = format!("sha256 {}", STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, &text[..5])));
    same(patch(&served, &place, 0, &[("upload-checksum", &sum)], &text[..5])?.status, 204)?;
    same(patch(&served, &place, 5, &[], b"2\n3\n4\n")?.status, 413)?;
    same(patch(&served, &place, 5, &[("content-type", "text/plain")], &text[5..])?.status, 415)?;
    let at = offset(&served, &place)?.unwrap_or_default().parse()?;
    same(patch(&served, &place, at, &[], &text[at..])?.status, 204)?;
    served.daemon.wait_for(&["loaded o.csv: 2 rows"])?;
    same(database.text("select id from staging.o order by id").await?, "1\n2")?;
    // One that is given up is gone.
    let place = create(&served, "p.csv", 10)?.header("location").unwrap_or_default().to_owned();
    same(served.call("DELETE", &place, &[TUS], b"")?.status, 204)?;
    same(served.call("HEAD", &place, &[TUS], b"")?.status, 404)
}

async fn clients_of_other_versions_are_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[("HTTP_MAX_UPLOAD", "1MB")])?;
    let old = served.call("POST", "/uploads", &[("tus-resumable", "0.2.2"), ("upload-length", "1")], b"")?;
    same((old.status, old.header("tus-version")), (412, Some("1.0.0")))?;
    let offered = served.call("OPTIONS", "/uploads", &[], b"")?;
    same((offered.status, offered.header("tus-max-size")), (204, Some("1000000")))?;
    same(create(&served, "o.csv", 2_000_000)?.status, 413)?;
    same(create(&served, "../o.csv", 2)?.status, 400)?;
    same(served.call("POST", "/uploads", &[TUS, ("upload-length", "2")], b"")?.status, 400)?;
    same(served.call("HEAD", "/uploads/..%2F..%2Fx", &[TUS], b"")?.status, 404)
}
