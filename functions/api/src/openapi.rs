//! The `OpenAPI` document: what the routes say of themselves, and what is the same for all.

use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    ResponseBuilder, ServerBuilder,
    path::Operation,
    schema::SchemaType,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa::openapi::{ObjectBuilder, Type};

/// The name of the only security scheme.
pub const KEY: &str = "key";
const PROBLEM: &str = "Problem";

pub fn head() -> OpenApi {
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Carillon")
        .version("1")
        .description(Some(
            "Bulk SMS. Errors are `application/problem+json` with a stable `code`; unknown fields are refused; \
             times are RFC 3339 in UTC, durations are seconds, numbers are E.164.",
        ))
        .license(Some(license.build()));
    OpenApiBuilder::new().info(info.build()).build()
}

/// Adds the security scheme, and to every operation the refusals that any of them can answer with.
pub fn complete(mut document: OpenApi, public_url: &str) -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("car_live_… or car_test_…")
        .description(Some(
            "An API key. The scopes that an operation needs stand beside it.",
        ));
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(KEY, SecurityScheme::Http(bearer.build()));
    components.schemas.insert(PROBLEM.to_owned(), problem());
    let refused = ResponseBuilder::new()
        .description("Refused or failed; `code` says why, and `doc_url` explains it.")
        .content(
            "application/problem+json",
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(PROBLEM)))
                .build(),
        )
        .build();
    components
        .responses
        .insert(PROBLEM.to_owned(), RefOr::T(refused));
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            refuse(operation);
        }
    }
    let server = ServerBuilder::new().url(public_url).build();
    document.servers = Some(vec![server]);
    document
}

fn refuse(operation: &mut Operation) {
    let answers = &mut operation.responses.responses;
    answers.insert(
        "default".to_owned(),
        RefOr::Ref(Ref::from_response_name(PROBLEM)),
    );
}

/// RFC 9457 with our additions.
fn problem() -> RefOr<utoipa::openapi::Schema> {
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    let field = ObjectBuilder::new()
        .property(
            "pointer",
            text().description(Some("JSON pointer into the request's body")),
        )
        .property("code", text())
        .property("detail", text())
        .required("pointer")
        .required("code")
        .required("detail");
    let problem = ObjectBuilder::new()
        .property("type", text())
        .property("title", text())
        .property(
            "status",
            ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)),
        )
        .property("detail", text())
        .property("instance", text())
        .property(
            "code",
            text().description(Some("Stable: branch on this one")),
        )
        .property("request_id", text())
        .property("errors", utoipa::openapi::ArrayBuilder::new().items(field))
        .property(
            "retryable",
            ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean)),
        )
        .property("doc_url", text());
    let required = [
        "type",
        "title",
        "status",
        "detail",
        "code",
        "request_id",
        "retryable",
    ];
    let problem = required.into_iter().fold(problem, ObjectBuilder::required);
    RefOr::T(problem.build().into())
}
