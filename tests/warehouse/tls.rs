//! TLS to PostgreSQL: by default where the server offers it, and as `sslmode` says.

use libtest_mimic::Trial;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sluice::warehouse::{Scope, connect};

use crate::support::{Outcome, Workdir, address, alone, cluster, holds, same};

pub fn cases() -> Vec<Trial> {
    let ignored = !cluster::is_available();
    let cases = alone("warehouse::tls::as_the_server_offers_and_sslmode_says", as_the_server_offers_and_sslmode_says);
    cases.into_iter().map(|case| case.with_ignored_flag(ignored)).collect()
}

/// Whether the program's connections to this address are encrypted.
async fn encrypted(url: &str) -> anyhow::Result<String> {
    let warehouse = connect(&address(url)).await?;
    let mut transaction = warehouse.begin(Scope::Load).await?;
    let rows = transaction.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[]).await?;
    Ok(rows[0][0].clone().unwrap_or_default())
}

async fn as_the_server_offers_and_sslmode_says(workdir: Workdir) -> Outcome {
    let authority = |name: &str| -> anyhow::Result<_> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        Ok(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?)
    };
    let (known, other) = (authority("known")?, authority("other")?);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &known)?;
    let root = workdir.write("root.crt", known.pem())?.display().to_string();
    let wrong = workdir.write("wrong.crt", other.pem())?.display().to_string();

    let server = cluster::start_with_tls(&certificate.pem(), &key.serialize_pem())?;
    let by_number = format!("{}/postgres", server.url());
    let by_name = by_number.replace("127.0.0.1", "localhost");
    for (parameters, expected) in
        [("", "true"), ("?sslmode=prefer", "true"), ("?sslmode=require", "true"), ("?sslmode=disable", "false")]
    {
        same((parameters, encrypted(&format!("{by_number}{parameters}")).await?.as_str()), (parameters, expected))?;
    }
    same(encrypted(&format!("{by_name}?sslmode=verify-full&sslrootcert={root}")).await?, "true")?;
    same(encrypted(&format!("{by_number}?sslmode=verify-ca&sslrootcert={root}")).await?, "true")?;
    for url in [
        // Not the name that the certificate is for; not an authority that is known; none that is given.
        format!("{by_number}?sslmode=verify-full&sslrootcert={root}"),
        format!("{by_name}?sslmode=verify-full&sslrootcert={wrong}"),
        format!("{by_name}?sslmode=verify-full"),
    ] {
        let why = encrypted(&url).await.expect_err("the server is not who it says").to_string();
        holds(&why.to_lowercase(), "certificate")?;
    }

    // A server that offers none is spoken to without, unless that is not wanted.
    let plain = cluster::new_database().await?;
    same(encrypted(&plain).await?, "false")?;
    let why = encrypted(&format!("{plain}?sslmode=require")).await.expect_err("it offers none").to_string();
    holds(&why, "TLS")
}
