//! Plugins that come from elsewhere, and that go: what an archive may do, and what it may not.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::{Compression, GzBuilder};
use zip::write::SimpleFileOptions;

use crate::support::api::{Api, Call, with};
use crate::support::process::app;
use crate::support::{Outcome, Workdir, cases, holds, same};

cases! {
    alone:
        a_plugin_is_added_from_each_kind_of_place,
        it_says_what_it_would_do_and_asks,
        a_plugin_that_is_wrong_is_not_added,
        an_archive_that_attacks_is_refused,
        a_folder_with_links_is_refused,
        an_address_is_fetched_by_its_sum,
        one_that_is_there_stays,
        one_is_taken_away_and_its_table_stays,
        the_list_fits_a_terminal;
}

const ORDERS: &str = "name: orders\nfiles: [\"orders_*.csv\"]\ntable: orders\n";

type Files<'a> = &'a [(&'a str, &'a [u8])];

fn zip(files: Files<'_>) -> anyhow::Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default())?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// A header of tar with its bytes.
fn member(name: &str, kind: u8, link: &str, bytes: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[100..108].copy_from_slice(b"0000644\0");
    head[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
    head[156] = kind;
    head[157..157 + link.len()].copy_from_slice(link.as_bytes());
    head[257..263].copy_from_slice(b"ustar\0");
    head[148..156].copy_from_slice(b"        ");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head.extend_from_slice(bytes);
    head.resize(head.len().next_multiple_of(512), 0);
    head
}

fn tar(members: &[Vec<u8>]) -> anyhow::Result<Vec<u8>> {
    packed(&[members.concat(), vec![0; 1024]].concat())
}

fn packed(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// Writes a file and the folders above it.
fn put(workdir: &Workdir, name: &str, text: &str) -> Outcome {
    let path = workdir.path(name);
    fs::create_dir_all(path.parent().expect("it has one"))?;
    Ok(fs::write(path, text)?)
}

fn added(workdir: &Workdir, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
    let settings = [("DATABASE_URL", "sqlite://none.db"), ("SHOP_URL", "https://shop.example.org/api")];
    let command = [&["plugin"], arguments].concat();
    let done = tokio::task::block_in_place(|| app(workdir, &command, &settings))?;
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    Ok((done.status.code(), said))
}

/// Nothing of a plugin is there, not even in part.
fn nothing_is_there(workdir: &Workdir) -> Outcome {
    same(workdir.list("plugins"), Vec::<String>::new())
}

async fn a_plugin_is_added_from_each_kind_of_place(workdir: Workdir) -> Outcome {
    put(&workdir, "given/plugin.yaml", ORDERS)?;
    put(&workdir, "given/README.md", "read me")?;
    put(&workdir, "given/sql/pipeline/x.sql", "select 1")?;
    put(&workdir, "inner/orders-main/plugin.yaml", ORDERS)?;
    put(&workdir, "inner/orders-main/LICENSE", "MIT")?;
    workdir
        .write("a.zip", zip(&[("plugin.yaml", ORDERS.as_bytes()), ("README", b"x"), ("data/x.csv", b"id\n1\n")])?)?;
    // As GNU's tar and Git pack folders.
    for (name, format) in [("b.tar.gz", "gnu"), ("c.tgz", "pax")] {
        let path = workdir.path(name);
        let done = Command::new("tar")
            .args([
                "-czf",
                &path.to_string_lossy(),
                &format!("--format={format}"),
                "-C",
                &workdir.path("inner").to_string_lossy(),
                ".",
            ])
            .status()?;
        same(done.success(), true)?;
    }
    let long = format!("{}/plugin.yaml", "x".repeat(150));
    let pax = format!("{} path={long}\n", long.len() + 10);
    workdir.write(
        "d.tgz",
        tar(&[member("pax", b'x', "", pax.as_bytes()), member("short", b'0', "", ORDERS.as_bytes())])?,
    )?;
    for (given, taken, left) in [
        ("given", vec!["README.md", "plugin.yaml"], "leaves out sql/pipeline/x.sql"),
        ("inner", vec!["LICENSE", "plugin.yaml"], "orders (enabled)"),
        ("a.zip", vec!["README", "plugin.yaml"], "leaves out data/x.csv"),
        ("b.tar.gz", vec!["LICENSE", "plugin.yaml"], "orders (enabled)"),
        ("c.tgz", vec!["LICENSE", "plugin.yaml"], "orders (enabled)"),
        ("d.tgz", vec!["plugin.yaml"], "orders (enabled)"),
    ] {
        let (code, said) = added(&workdir, &["add", given, "--yes"])?;
        same((given, code, &said), (given, Some(0), &said))?;
        holds(&said, "added plugins/orders\nNext: app check FILE")?;
        holds(&said, left)?;
        same(
            (workdir.list("plugins"), workdir.list("plugins/orders")),
            (vec!["orders".into()], taken.iter().map(|name| (*name).to_owned()).collect()),
        )?;
        same(workdir.read("plugins/orders/plugin.yaml")?, ORDERS)?;
        same(added(&workdir, &["remove", "orders", "--yes"])?.0, Some(0))?;
        nothing_is_there(&workdir)?;
    }
    Ok(())
}

async fn it_says_what_it_would_do_and_asks(workdir: Workdir) -> Outcome {
    let text = "name: shop\nenabled: false\nsource:\n  kind: http\n  url: !env SHOP_URL\n  auth: {bearer: !env SHOP_TOKEN}\n  \
                allow_hosts: [cdn.example.org]\nschedule: hourly\nmode: replace\n";
    put(&workdir, "given/plugin.yaml", text)?;
    let (code, said) = added(&workdir, &["add", "given"])?;
    same(code, Some(2))?;
    for part in [
        "plugin     shop (not enabled)",
        "and from cdn.example.org",
        "into       staging.shop",
        "when       ",
        "reads      SHOP_TOKEN (not set), SHOP_URL (set)",
        "nobody can be asked here, and nothing was added: if it is right, app plugin add given --yes",
    ] {
        holds(&said, part)?;
    }
    nothing_is_there(&workdir)?;
    let (code, said) = added(&workdir, &["add", "given", "--yes"])?;
    same(code, Some(0))?;
    holds(&said, "Next: it is not enabled: app plugin enable shop")?;
    let (code, said) = added(&workdir, &["add", "given", "--yes", "--json"])?;
    same(code, Some(2))?;
    holds(&said, "there is a plugin shop already: plugins/shop/plugin.yaml")
}

async fn a_plugin_that_is_wrong_is_not_added(workdir: Workdir) -> Outcome {
    workdir.plugin("there", "name: there\nfiles: [\"orders_*.csv\"]\n")?;
    for (text, code, why) in [
        ("name: x\nfiles: [\"x*\"]\nmode: sideways\n", 1, "x.zip/x/plugin.yaml:3: "),
        ("name: x\nenabled: false\nfiles: [\"x*\"]\ntabel: y\n", 1, "x.zip/x/plugin.yaml:4: "),
        (ORDERS, 1, "files: orders_*.csv is claimed by the plugin there too"),
        ("name: ../../x\nfiles: [\"x*\"]\n", 2, "can be no folder's name"),
        ("name: THERE\nfiles: [\"x*\"]\n", 2, "there is a plugin there already"),
        ("name: x\nfiles: [\"x*\"\n", 1, "x.zip/x/plugin.yaml"),
    ] {
        workdir.write("x.zip", zip(&[("x/plugin.yaml", text.as_bytes())])?)?;
        let (ended, said) = added(&workdir, &["add", "x.zip", "--yes"])?;
        same((text, ended, &said), (text, Some(code), &said))?;
        holds(&said, why)?;
        same(workdir.list("plugins"), ["there"])?;
    }
    Ok(())
}

async fn an_archive_that_attacks_is_refused(workdir: Workdir) -> Outcome {
    let yaml = ORDERS.as_bytes();
    let file = |name: &str| member(name, b'0', "", yaml);
    let mut link = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    link.start_file("plugin.yaml", SimpleFileOptions::default())?;
    link.write_all(yaml)?;
    link.add_symlink("README.md", "/etc/passwd", SimpleFileOptions::default())?;
    let link = link.finish()?.into_inner();
    let zeros = vec![0; 65 << 20];
    let whole = tar(&[file("plugin.yaml")])?;
    let several = [member("plugin.yaml", b'0', "", yaml), vec![0; 1024], file("x")].concat();
    for (case, name, bytes, why) in [
        ("traversal", "a.zip", zip(&[("plugin.yaml", yaml), ("../../x", b"x")])?, "../../x leads out of its folder"),
        ("traversal", "a.tgz", tar(&[file("plugin.yaml"), file("x/../../y")])?, "x/../../y leads out of its folder"),
        ("absolute", "a.tgz", tar(&[file("/tmp/x"), file("plugin.yaml")])?, "/tmp/x is an absolute path"),
        ("backslash", "a.tgz", tar(&[file("plugin.yaml"), file("a\\b")])?, "sign in its name"),
        ("drive", "a.zip", zip(&[("plugin.yaml", yaml), ("C:x", b"x")])?, "is an absolute path"),
        ("symbolic link", "a.zip", link, "README.md is a link"),
        (
            "symbolic link",
            "a.tgz",
            tar(&[file("plugin.yaml"), member("README", b'2', "/etc/passwd", b"")])?,
            "README is a link",
        ),
        (
            "hard link",
            "a.tgz",
            tar(&[file("plugin.yaml"), member("README", b'1', "plugin.yaml", b"")])?,
            "README is a link",
        ),
        (
            "device",
            "a.tgz",
            tar(&[file("plugin.yaml"), member("null", b'3', "", b"")])?,
            "null is neither a file nor a folder",
        ),
        (
            "case twins",
            "a.tgz",
            tar(&[file("x/plugin.yaml"), file("x/README"), file("x/readme")])?,
            "differ only by case",
        ),
        ("case twins", "a.zip", zip(&[("x/plugin.yaml", yaml), ("X/README", b"x")])?, "differ only by case"),
        ("twice", "a.tgz", tar(&[file("plugin.yaml"), file("plugin.yaml")])?, "plugin.yaml is in it twice"),
        ("bomb", "a.tgz", tar(&[member("README", b'0', "", &zeros[..2 << 20])])?, "README has more than"),
        ("bomb", "a.tgz", tar(&[file("plugin.yaml"), member("x", b'0', "", &zeros)])?, "come out"),
        ("bomb", "a.zip", zip(&[("plugin.yaml", yaml), ("README", &zeros)])?, "more than 64 MiB come out of it"),
        (
            "bomb",
            "a.zip",
            zip(&[("plugin.yaml", yaml), ("README", &zeros[..2 << 20])])?,
            "README has more than 1048576 bytes",
        ),
        (
            "two",
            "a.zip",
            zip(&[("a/plugin.yaml", yaml), ("b/plugin.yaml", yaml)])?,
            "several plugins: a/plugin.yaml, b/plugin.yaml",
        ),
        ("nested", "a.zip", zip(&[("a/b/plugin.yaml", yaml)])?, "a/b/plugin.yaml lies too deep"),
        ("beside", "a.zip", zip(&[("a/plugin.yaml", yaml), ("b/x", b"")])?, "lies too deep"),
        ("none", "a.zip", zip(&[("orders/plugin.yml", yaml)])?, "it has no plugin.yaml"),
        ("a page", "a.zip", b"<!doctype html><title>Sign in</title>".to_vec(), "and no archive"),
        (
            "plain tar",
            "a.tar",
            [file("plugin.yaml"), vec![0; 1024]].concat(),
            "a tar archive, and no archive: .zip, .tar.gz",
        ),
        ("cut off", "a.tgz", whole[..whole.len() / 2].to_vec(), "a.tgz"),
        ("no end", "a.tgz", packed(&file("plugin.yaml"))?, "its end is not there"),
        ("behind the end", "a.tgz", packed(&several)?, "bytes stand behind the end"),
        ("no tar", "a.tgz", packed(&[b'x'; 2048])?, "holds no tar archive"),
        ("empty", "a.zip", Vec::new(), "and no archive"),
    ] {
        workdir.write(name, bytes)?;
        let (code, said) = added(&workdir, &["add", name, "--yes"])?;
        same((case, code, &said), (case, Some(1), &said))?;
        holds(&said, why)?;
        nothing_is_there(&workdir)?;
        fs::remove_file(workdir.path(name))?;
    }
    // More members than an archive may have.
    let many: Vec<_> = (0..1001).map(|n| member(&format!("x{n}"), b'0', "", b"")).collect();
    workdir.write("a.tgz", tar(&many)?)?;
    holds(&added(&workdir, &["add", "a.tgz", "--yes"])?.1, "it has 1001 members, more than 1000")
}

async fn a_folder_with_links_is_refused(workdir: Workdir) -> Outcome {
    put(&workdir, "given/plugin.yaml", ORDERS)?;
    std::os::unix::fs::symlink(workdir.path("given"), workdir.path("link"))?;
    std::os::unix::fs::symlink("/etc/passwd", workdir.path("given/README"))?;
    for (given, why) in [("link", "link is a link"), ("given", "README is a link")] {
        let (code, said) = added(&workdir, &["add", given, "--yes"])?;
        same((given, code), (given, Some(1)))?;
        holds(&said, why)?;
    }
    fs::remove_file(workdir.path("given/README"))?;
    let fifo = workdir.path("given/README");
    same(Command::new("mkfifo").arg(&fifo).status()?.success(), true)?;
    holds(&added(&workdir, &["add", "given", "--yes"])?.1, "README is neither a file nor a folder")?;
    let (code, said) = added(&workdir, &["add", "nothing", "--yes"])?;
    same(code, Some(2))?;
    holds(&said, "cannot read nothing")?;
    same(added(&workdir, &["add", "given", "--yes", "--sha256", "00"])?.0, Some(2))?;
    nothing_is_there(&workdir)
}

async fn an_address_is_fetched_by_its_sum(workdir: Workdir) -> Outcome {
    let archive = tar(&[member("orders/plugin.yaml", b'0', "", ORDERS.as_bytes())])?;
    workdir.write("a.tgz", &archive)?;
    let other = Api::new(|_: Call| with(200, &[], "x")).await?;
    let elsewhere = other.base.clone();
    let api = Api::new(move |call: Call| match call.path.as_str() {
        "/orders.tgz" => with(200, &[("content-type", "application/gzip")], archive.clone()),
        "/moved" => with(302, &[("location", "/orders.tgz")], ""),
        "/elsewhere" => with(302, &[("location", elsewhere.as_str())], ""),
        "/login" => with(200, &[("content-type", "text/html")], "<html><title>Sign in</title></html>"),
        _ => with(404, &[], "no such thing"),
    })
    .await?;
    let of = |path: &str| format!("{}{path}", api.base);
    let (code, said) = added(&workdir, &["add", &of("/orders.tgz")])?;
    same(code, Some(2))?;
    let sum = said.lines().find_map(|line| line.trim().strip_prefix("SHA-256    ")).unwrap_or_default().to_owned();
    let known = Command::new("sha256sum").arg(workdir.path("a.tgz")).output()?;
    same(String::from_utf8_lossy(&known.stdout).split(' ').next(), Some(sum.as_str()))?;
    holds(&said, &format!("app plugin add {} --sha256 {sum} --yes", of("/orders.tgz")))?;
    for (path, more, code, why) in [
        ("/orders.tgz", vec!["--sha256", "00ff"], 1, "and 00ff was said: it is another file"),
        ("/elsewhere", vec![], 2, "it leads to another server"),
        ("/login", vec![], 1, "login: it is an HTML page, and no archive"),
        ("/nothing", vec![], 1, "answers 404: no such thing"),
    ] {
        let url = of(path);
        let (ended, said) = added(&workdir, &[vec!["add", &url, "--yes"], more].concat())?;
        same((path, ended, &said), (path, Some(code), &said))?;
        holds(&said, why)?;
        nothing_is_there(&workdir)?;
    }
    same(other.calls().len(), 0)?;
    let with_password = api.base.replace("http://", "http://me:sesame-open-up@");
    let (code, said) = added(&workdir, &["add", &with_password, "--yes"])?;
    same((code, said.contains("sesame")), (Some(2), false))?;
    let (code, said) = added(&workdir, &["add", &of("/moved"), "--yes", "--sha256", &sum.to_uppercase()])?;
    same((code, &said), (Some(0), &said))?;
    same(workdir.read("plugins/orders/plugin.yaml")?, ORDERS)
}

async fn one_that_is_there_stays(workdir: Workdir) -> Outcome {
    let other = "name: orders\nfiles: [\"mine*.csv\"]\n";
    put(&workdir, "given/plugin.yaml", ORDERS)?;
    // By the same name in another folder, disabled, faulty, in a folder that differs by case, in one without a plugin.
    for (folder, text) in [
        ("orders", Some(other)),
        ("elsewhere", Some(other)),
        ("orders", Some("name: orders\nenabled: false\nfiles: [\"mine*.csv\"]\n")),
        ("orders", Some("name: [\n")),
        ("Orders", None),
    ] {
        let place = workdir.path(&format!("plugins/{folder}"));
        fs::create_dir_all(&place)?;
        if let Some(text) = text {
            fs::write(place.join("plugin.yaml"), text)?;
        }
        let (code, said) = added(&workdir, &["add", "given", "--yes"])?;
        same((folder, text, code, &said), (folder, text, Some(2), &said))?;
        holds(&said, "already")?;
        same(fs::read_to_string(place.join("plugin.yaml")).ok().as_deref(), text)?;
        fs::remove_dir_all(place)?;
    }
    nothing_is_there(&workdir)
}

async fn one_is_taken_away_and_its_table_stays(workdir: Workdir) -> Outcome {
    workdir.plugin("orders", ORDERS)?;
    put(&workdir, "plugins/orders/notes.txt", "mine")?;
    let (code, said) = added(&workdir, &["remove", "order"])?;
    same(code, Some(2))?;
    holds(&said, "there is no plugin order in plugins; did you mean orders?")?;
    let (code, said) = added(&workdir, &["remove", "orders"])?;
    same(code, Some(2))?;
    holds(
        &said,
        "plugins/orders would go, with notes.txt, plugin.yaml; nobody can be asked here: say app plugin remove orders --yes",
    )?;
    same(workdir.list("plugins/orders").len(), 2)?;
    let (code, said) = added(&workdir, &["remove", "orders", "--yes"])?;
    same(code, Some(0))?;
    holds(&said, "stays in staging.orders, and so does its checkpoint: app drop staging.orders takes both away")?;
    nothing_is_there(&workdir)?;
    // Of a link only the link goes; one that is faulty goes too.
    put(&workdir, "kept/plugin.yaml", "name: [\n")?;
    std::os::unix::fs::symlink(workdir.path("kept"), workdir.path("plugins/orders"))?;
    same(added(&workdir, &["remove", "orders", "--yes"])?.0, Some(0))?;
    same(Path::new(&workdir.path("kept/plugin.yaml")).exists(), true)?;
    nothing_is_there(&workdir)
}

async fn the_list_fits_a_terminal(workdir: Workdir) -> Outcome {
    workdir.plugin("orders", ORDERS)?;
    let source =
        "source: {kind: http, url: https://shop.example.org/api/v2/a/rather/long/path/to/orders}\nmode: replace\n";
    workdir.plugin("shop", &format!("name: shop\n{source}schedule: daily 06:00\n"))?;
    let (code, said) = added(&workdir, &["list"])?;
    same(code, Some(0))?;
    for part in ["none yet", "daily 06:00", "orders_*.csv", "staging.shop"] {
        holds(&said, part)?;
    }
    let (_, json) = added(&workdir, &["list", "--json"])?;
    holds(&json, "\"last_pull\":null")
}
