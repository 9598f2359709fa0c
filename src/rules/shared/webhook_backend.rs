//! Namespaces that admission webhooks are served from.

use crate::model::admission::WebhookConfiguration;

/// True if one of the webhooks is served by a Service of the namespace.
pub(crate) fn is_in<'a>(
    namespace: &str,
    webhooks: impl IntoIterator<Item = &'a WebhookConfiguration>,
) -> bool {
    let mut webhooks = webhooks.into_iter().flat_map(|configuration| &configuration.webhooks);
    webhooks.any(|webhook| {
        let service = webhook.client_config.service.as_ref();
        service.is_some_and(|service| service.namespace == namespace)
    })
}
