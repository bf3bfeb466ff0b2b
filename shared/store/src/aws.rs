//! Clients for AWS, made once in `main`, all from one configuration.

use aws_config::{BehaviorVersion, SdkConfig};
use carillon_core::keyed_hash::DeploymentKey;

use crate::StoreError;

#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// Region, credentials and, where there is one, the emulator's endpoint come from the environment.
    pub async fn from_environment() -> Self {
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .load()
            .await;
        Self { config }
    }

    /// For tests: with what is given and nothing else.
    pub fn from_config(config: SdkConfig) -> Self {
        Self { config }
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        // An emulator has no host name for each bucket.
        let paths = self.config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(paths);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    pub fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config)
    }

    pub fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.config)
    }

    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.config)
    }

    pub fn scheduler(&self) -> aws_sdk_scheduler::Client {
        aws_sdk_scheduler::Client::new(&self.config)
    }

    /// For what has no client of its own here: signing a form for S3, making the tables of a test.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Reads the secret of this deployment. Call it before the first event: INIT is not throttled.
    pub async fn deployment_key(&self, secret_arn: &str) -> Result<DeploymentKey, StoreError> {
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        let read = client.get_secret_value().secret_id(secret_arn);
        let secret = read
            .send()
            .await
            .map_err(StoreError::service("read the deployment's secret"))?;
        let secret = secret.secret_string();
        let missing = || StoreError::corrupt("the deployment's secret");
        secret.map(DeploymentKey::from_secret).ok_or_else(missing)
    }
}
