//! The HTTP API, and who may use it. Each answer is what a command prints with `--json`: the same structs, out of `ops/`.
//!
//! A handler never parses data and never decides how a load ends; it finds an input, or asks.

mod access;
mod answer;
mod files;
mod health;
mod imports;
mod loads;
mod problem;
mod runs;
mod serve;
mod uploads;
mod work;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower_http::csrf::CsrfLayer;
use tracing::{debug, info, warn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use self::access::Access;
use self::problem::Problem;
use crate::app::App;
use crate::ops::connect::Usage;
use crate::settings::Settings;

/// Longest wait for requests in hand at the end.
const GRACE: Duration = Duration::from_secs(5);

/// Time between two looks for uploads that nobody goes on with.
const SWEEP: Duration = Duration::from_secs(600);

/// What the handlers stand on.
pub(crate) struct Api {
    settings: Settings,
    /// The folder that is watched.
    folder: PathBuf,
    access: Access,
    /// The program, once its database has answered.
    app: OnceLock<Arc<App>>,
    /// Runs that were begun over HTTP.
    runs: TaskTracker,
    /// True when the program is to end.
    ending: watch::Receiver<bool>,
}

impl Api {
    /// Waits until the program is to end.
    fn ends(&self) -> impl Future<Output = ()> + use<> {
        let mut ending = self.ending.clone();
        async move { drop(ending.wait_for(|ends| *ends).await) }
    }

    /// The program.
    ///
    /// # Errors
    /// The database has not answered since the start.
    fn app(&self) -> Result<&Arc<App>, Problem> {
        self.app.get().ok_or_else(|| Problem::later("the program waits for its database"))
    }
}

/// The server of the API, which listens.
pub struct Server {
    listener: TcpListener,
    api: Arc<Api>,
}

/// The program behind the server, which is told once.
#[derive(Clone)]
pub struct Behind(Arc<Api>);

impl Behind {
    /// Answers by this program from now on.
    pub fn begin(&self, app: &Arc<App>) {
        // The daemon builds one program.
        let _ = self.0.app.set(Arc::clone(app));
    }
}

impl Server {
    /// Listens where the settings say; `None` where they say nothing. `is_open` lets everybody who reaches it do
    /// everything where there are no tokens; `ending` is true when the program is to end.
    ///
    /// # Errors
    /// [`Usage`]: an address that others reach needs tokens; one that cannot be listened on. A port that another program has.
    pub async fn listen(
        settings: &Settings,
        folder: &std::path::Path,
        is_open: bool,
        ending: watch::Receiver<bool>,
    ) -> anyhow::Result<Option<Server>> {
        let Some(address) = settings.http.address else { return Ok(None) };
        let tokens = settings.tokens().map_err(|error| Usage(error.to_string()))?;
        if tokens.is_empty() && !address.ip().is_loopback() && !is_open {
            return Err(Usage(format!(
                "HTTP_ADDR: others reach {address}, and API_TOKENS is not set: app token new NAME makes a token, 127.0.0.1 keeps others \
                 out, and --no-auth lets everybody who reaches it do everything"
            ))
            .into());
        }
        let cannot = |error: std::io::Error| {
            let why = format!("HTTP_ADDR: cannot listen on {address}: {error}");
            // Whoever has the port may leave it, so a later start may go well.
            if error.kind() == std::io::ErrorKind::AddrInUse { anyhow::anyhow!(why) } else { Usage(why).into() }
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let bound = listener.local_addr().map_err(cannot)?;
        let who = if tokens.is_empty() { "without a token" } else { "with a token" };
        info!(sentence = format!("answering http://{bound} {who}"), address = %bound, "answering HTTP");
        if tokens.is_empty() && !bound.ip().is_loopback() {
            warn!("--no-auth: everybody who reaches {bound} can load files, start runs and take rows back");
        }
        let api = Api {
            settings: settings.clone(),
            folder: folder.to_owned(),
            access: Access::new(tokens, &settings.http.hosts, bound),
            app: OnceLock::new(),
            runs: TaskTracker::new(),
            ending,
        };
        Ok(Some(Server { listener, api: Arc::new(api) }))
    }

    /// What is to be told of the program.
    pub fn behind(&self) -> Behind {
        Behind(Arc::clone(&self.api))
    }

    /// Answers until the program is to end; runs that were begun end in the same time.
    pub async fn serve(self) {
        let api = Arc::clone(&self.api);
        self.api.runs.spawn(async move {
            loop {
                if let Some(folder) = api.app.get().and_then(|app| app.intake.folder())
                    && let Err(error) = folder.sweep_uploads(uploads::KEPT)
                {
                    debug!(%error, "cannot look for uploads that nobody goes on with");
                }
                tokio::select! {
                    () = api.ends() => return,
                    () = tokio::time::sleep(SWEEP) => {}
                }
            }
        });
        serve::serve(self.listener, router(&self.api), self.api.ends(), GRACE).await;
        self.api.runs.close();
        if tokio::time::timeout(GRACE, self.api.runs.wait()).await.is_err() {
            warn!("a run that was begun over HTTP did not end in time");
        }
    }
}

/// Every path with what it needs.
fn router(api: &Arc<Api>) -> Router {
    let reads = OpenApiRouter::new().merge(health::of_readers()).merge(loads::router()).merge(files::router());
    let reads = reads.merge(imports::of_readers()).merge(runs::of_readers());
    let reads = reads.route_layer(from_fn_with_state(Arc::clone(api), access::reads));
    let writes = OpenApiRouter::new().merge(imports::of_writers()).merge(uploads::of_writers());
    let writes = writes.merge(runs::of_writers()).merge(work::of_writers());
    let writes = writes.route_layer(from_fn_with_state(Arc::clone(api), access::writes));
    let all = OpenApiRouter::with_openapi(Documentation::openapi());
    let admins = work::of_admins().route_layer(from_fn_with_state(Arc::clone(api), access::administers));
    let all = all.merge(health::of_all()).merge(reads).merge(writes).merge(admins);
    let (router, documentation) = all.split_for_parts();
    let cross = |_: tower_http::csrf::ProtectionError| {
        use axum::response::IntoResponse;
        Problem::new(axum::http::StatusCode::FORBIDDEN, "a page of another site asks for this").into_response()
    };
    router
        .route("/openapi.json", get(async move || Json(documentation)))
        .fallback(async || Problem::missing("nothing is there"))
        .method_not_allowed_fallback(async || {
            Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "this path takes another method")
        })
        .layer(CsrfLayer::new().with_rejection_response(cross))
        .layer(from_fn_with_state(Arc::clone(api), access::of_this_host))
        .layer(from_fn(access::guarded))
        .with_state(Arc::clone(api))
}

/// The frame of the documentation; each path adds its own.
#[derive(OpenApi)]
#[openapi(
    info(title = "Sluice", description = "Files in, a star schema out: push a file, start a run, ask what happened."),
    modifiers(&Bearer),
    security((), ("token" = [])),
    components(schemas(problem::ProblemDocument))
)]
struct Documentation;

/// The token of a request.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

type Shared = State<Arc<Api>>;
