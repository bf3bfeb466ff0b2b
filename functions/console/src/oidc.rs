//! The identity provider: a Cognito user pool of the deployment, or whatever speaks `OpenID` Connect. Authorization code flow with
//! PKCE, state and nonce. <https://openid.net/specs/openid-connect-core-1_0.html>

use std::{pin::Pin, sync::OnceLock, time::Duration};

use carillon_core::member::Email;
use openidconnect::{
    AsyncHttpClient, AuthenticationFlow, AuthorizationCode, ClientId, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreClient, CoreProviderMetadata, CoreResponseType},
};
use serde::{Deserialize, Serialize};

const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Provider {
    pub issuer: String,
    pub client_id: String,
    /// Where the issuer's documents are read, if not at the issuer: an emulator has the issuer of the real one.
    pub read_at: Option<String>,
}

pub struct Oidc {
    provider: Provider,
    /// Where the provider sends people back to.
    back: String,
    http: reqwest::Client,
    /// Read at the first sign-in of an environment.
    metadata: OnceLock<CoreProviderMetadata>,
}

/// What a sign-in must come back with. The browser keeps it in a cookie meanwhile.
#[derive(Serialize, Deserialize)]
pub struct Way {
    state: String,
    nonce: String,
    verifier: String,
    /// The page to go to then.
    pub to: String,
}

/// A person, as the provider knows them.
pub struct Person {
    pub subject: String,
    pub email: Email,
}

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("the identity provider does not answer as one")]
    Provider(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the sign-in came back with another state than it began with")]
    State,
    #[error("the token is not one that this sign-in asked for")]
    Token(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the provider says no verified e-mail address")]
    Email,
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Oidc {
    pub fn new(provider: Provider, back: String) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            provider,
            back,
            http,
            metadata: OnceLock::new(),
        })
    }

    /// Where to send the browser, and what it must come back with.
    pub async fn begin(&self, to: String) -> Result<(String, Way), SignInError> {
        let client = self.client().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let way = Way {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            to,
        };
        Ok((url.into(), way))
    }

    pub async fn finish(&self, way: &Way, state: &str, code: &str) -> Result<Person, SignInError> {
        if !carillon_core::keyed_hash::same(way.state.as_bytes(), state.as_bytes()) {
            return Err(SignInError::State);
        }
        let client = self.client().await?;
        let code = AuthorizationCode::new(code.to_owned());
        let token = client
            .exchange_code(code)
            .map_err(|error| SignInError::Provider(error.into()))?
            .set_pkce_verifier(PkceCodeVerifier::new(way.verifier.clone()))
            .request_async(self)
            .await
            .map_err(|error| SignInError::Token(error.to_string().into()))?;
        let nonce = Nonce::new(way.nonce.clone());
        let id = token
            .id_token()
            .ok_or_else(|| SignInError::Token("there is no id token".into()))?;
        let claims = id
            .claims(&client.id_token_verifier(), &nonce)
            .map_err(|error| SignInError::Token(error.into()))?;
        let verified = claims.email_verified() == Some(true);
        let email = claims
            .email()
            .filter(|_| verified)
            .ok_or(SignInError::Email)?;
        Ok(Person {
            subject: claims.subject().to_string(),
            email: email.parse().map_err(|_| SignInError::Email)?,
        })
    }

    async fn client(&self) -> Result<Client, SignInError> {
        let metadata = match self.metadata.get() {
            Some(metadata) => metadata.clone(),
            None => self.discover().await?,
        };
        let back = RedirectUrl::new(self.back.clone()).map_err(|error| unreadable(&error))?;
        let id = ClientId::new(self.provider.client_id.clone());
        // No secret: PKCE proves that who exchanges the code is who asked for it.
        Ok(CoreClient::from_provider_metadata(metadata, id, None).set_redirect_uri(back))
    }

    async fn discover(&self) -> Result<CoreProviderMetadata, SignInError> {
        let issuer = IssuerUrl::new(self.provider.issuer.clone());
        let issuer = issuer.map_err(|error| unreadable(&error))?;
        let read = CoreProviderMetadata::discover_async(issuer, self).await;
        let metadata = read.map_err(|error| unreadable(&error))?;
        // Two sign-ins at once read the same.
        Ok(self.metadata.get_or_init(|| metadata).clone())
    }

    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
        let (parts, body) = request.into_parts();
        let url = self.at(&parts.uri.to_string());
        let sent = self.http.request(parts.method, url);
        let answer = sent.headers(parts.headers).body(body).send().await?;
        let mut response = HttpResponse::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        *response.body_mut() = answer.bytes().await?.to_vec();
        Ok(response)
    }

    fn at(&self, url: &str) -> String {
        let at = self.provider.read_at.as_deref();
        let moved = at.zip(url.strip_prefix(self.provider.issuer.as_str()));
        moved.map_or_else(|| url.to_owned(), |(at, path)| format!("{at}{path}"))
    }
}

impl<'c> AsyncHttpClient<'c> for Oidc {
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.fetch(request))
    }
}

fn unreadable(error: &dyn std::error::Error) -> SignInError {
    SignInError::Provider(carillon_runtime::logs::chain(error).into())
}
