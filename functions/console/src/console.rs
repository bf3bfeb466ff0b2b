//! What one environment of the console keeps.

use std::{ops::Deref, sync::Arc};

use axum::Router;
use carillon_api::{Api, Settings};
use carillon_core::keyed_hash::DeploymentKey;
use carillon_runtime::config::Config;
use carillon_store::{aws::Aws, deliveries::Deliveries, sessions::Sessions};
use lambda_runtime::Error;

use crate::oidc::{Oidc, Provider};

/// The state of every page.
#[derive(Clone)]
pub struct Console(Arc<Kept>);

pub struct Kept {
    /// For what is read without a rule of the API in between.
    pub api: Api,
    /// Acts through this.
    pub router: Router,
    pub sessions: Sessions,
    pub deliveries: Deliveries,
    pub oidc: Oidc,
}

impl Console {
    pub async fn from_environment() -> Result<Self, Error> {
        let settings = Settings::from_environment()?;
        let provider = Provider {
            issuer: Config::required("OIDC_ISSUER")?,
            client_id: Config::required("OIDC_CLIENT_ID")?,
            read_at: Config::optional("OIDC_READ_AT"),
        };
        let secret = Config::required("DEPLOYMENT_SECRET_ARN")?;
        let aws = Aws::from_environment().await;
        let key = aws.deployment_key(&secret).await?;
        Ok(Self::new(&aws, key, settings, provider)?)
    }

    pub fn new(
        aws: &Aws,
        key: DeploymentKey,
        settings: Settings,
        provider: Provider,
    ) -> Result<Self, reqwest::Error> {
        let core = settings.core_table.clone();
        let back = format!("{}/sign-in/callback", settings.public_url);
        let api = Api::new(aws, key.clone(), settings);
        Ok(Self(Arc::new(Kept {
            router: carillon_api::router(api.clone()),
            api,
            sessions: Sessions::new(aws.dynamodb(), core.as_str(), key),
            deliveries: Deliveries::new(aws.dynamodb(), core),
            oidc: Oidc::new(provider, back)?,
        })))
    }
}

impl Deref for Console {
    type Target = Kept;

    fn deref(&self) -> &Kept {
        &self.0
    }
}
