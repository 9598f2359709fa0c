//! Applications of other sources than one folder of plain files.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::world::{CRITICAL, PASS, World, deployment, gate};
use crate::harness::argocd::{AppOptions, GitRepo, merge};
use crate::harness::cluster::with_namespace;
use crate::harness::runtime::eventually;

#[test]
fn all_sources_of_an_application_go_back() {
    with_namespace("roll-sources", async |ctx| {
        let other = GitRepo::new("roll-sources-other");
        let settings = |value: &str| {
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"value": value}});
            map.to_string()
        };
        other.commit(&[("settings.yaml", &settings("good"))]);
        let world = World::made(ctx, AppOptions::default(), async |mut application| {
            let spec = application["spec"].as_object_mut().unwrap();
            let first = spec.remove("source").unwrap();
            let mut second = first.clone();
            merge(&mut second, &json!({"repoURL": other.url()}));
            spec.insert("sources".into(), json!([first, second]));
            ctx.apply(application).await;
        })
        .await;
        world.commit("good", PASS);
        world.app.refresh().await;
        eventually("the controller has seen the pass", async || {
            let state = world.state().await.unwrap_or_default();
            if state["passed"][0].is_object() { Ok(()) } else { Err(state.to_string()) }
        })
        .await;
        other.commit(&[("settings.yaml", &settings("bad"))]);
        world.commit("bad", CRITICAL);
        world.app.refresh().await;
        let state = world.stage("held").await;
        assert!(state["case"]["rejected"]["name"].as_str().unwrap().contains(','), "{state}");
        let map = ctx.api::<ConfigMap>().get("settings").await.unwrap();
        assert_eq!((world.image().await.as_str(), map.data.unwrap()["value"].as_str()), ("good", "good"));
        world.has_told(&["RollbackDecided", "RolledBack"]).await;
    });
}

/// The chart of an application: the image's tag is a value, and a ConfigMap has a parameter of the source.
fn chart(image: &str, exit_code: i32) -> Vec<(&'static str, String)> {
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-settings"},
        "data": {"level": "{{ .Values.level }}"},
    });
    let chart = json!({"apiVersion": "v2", "name": "web", "version": "0.1.0"});
    vec![
        ("Chart.yaml", chart.to_string()),
        ("values.yaml", json!({"tag": "unset", "level": "unset"}).to_string()),
        ("values-live.yaml", json!({"tag": image}).to_string()),
        ("templates/app.yaml", deployment("{{ .Values.tag }}").to_string()),
        ("templates/settings.yaml", settings.to_string()),
        ("templates/gate.yaml", gate(exit_code).to_string()),
    ]
}

#[test]
fn a_helm_source_goes_back_with_its_parameters_and_value_files() {
    let helm = |level: &str| {
        json!({
            "releaseName": "live", "valueFiles": ["values-live.yaml"],
            "parameters": [{"name": "level", "value": level}],
        })
    };
    with_namespace("roll-helm", async |ctx| {
        let also = json!({"spec": {"source": {"helm": helm("one")}}});
        let world = World::start(ctx, AppOptions { also, ..AppOptions::default() }).await;
        let automated = world.automated().await;
        let commit = |image: &str, exit_code: i32| {
            let files = chart(image, exit_code);
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
            world.repo.commit(&files)
        };
        let level = async || {
            let map = ctx.api::<ConfigMap>().get("live-settings").await.unwrap();
            map.data.unwrap().remove("level").unwrap()
        };
        let good = commit("good", PASS);
        world.synced(&good).await;
        world.remembers(&good).await;
        assert_eq!((world.image().await.as_str(), level().await.as_str()), ("good", "one"));

        // A commit and a parameter change at once, as a parent application would do it.
        commit("bad", CRITICAL);
        world.app.merge(json!({"spec": {"source": {"helm": helm("two")}}})).await;
        world.app.refresh().await;
        world.stage("held").await;
        assert_eq!((world.image().await.as_str(), level().await.as_str()), ("good", "one"));
        assert_eq!(world.rollbacks().await, [good]);
        world.has_told(&["RollbackDecided", "RolledBack"]).await;
        let spec = world.app.now().await["spec"]["source"]["helm"].clone();
        assert_eq!(spec, helm("two"), "what the Application declares is not ours to change");

        let fix = commit("fix", PASS);
        world.synced(&fix).await;
        world.free().await;
        assert_eq!((world.image().await.as_str(), level().await.as_str()), ("fix", "two"));
        assert_eq!(world.automated().await, automated);
    });
}
