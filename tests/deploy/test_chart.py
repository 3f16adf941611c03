"""The Helm chart starts what docker-compose.yml starts: same commands, environment and checks."""

import os
import re
import shutil
import subprocess
import tomllib

import psycopg
import pytest
import yaml
from compose_spec import parse_duration

from tests.support.compose_file import compose, variables_of_compose, variables_of_example
from tests.support.paths import ROOT

CHART = ROOT / "deploy/helm"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
TEMPLATES = {path.name: path.read_text() for path in sorted((CHART / "templates").iterdir())}
SERVICES = compose(dict.fromkeys(variables_of_example().required, "a-secret"))["services"]
#: Of each service of ours, what has its part of the values.
PARTS = {
    "migrate": "migrate",
    "api": "api",
    "scheduler": "scheduler",
    "worker": "worker",
    "worker-gpu": "gpuWorker",
}
LASTING = sorted(set(PARTS) - {"migrate"})
#: Where the image of a service comes from; as in docker-compose.yml, the API's is taken by three.
IMAGES = {name: name if name.startswith("worker") else "api" for name in PARTS}
EVERYTHING = (
    "gpuWorker.enabled=true",
    "ingress.enabled=true",
    "ingress.tlsSecret=certificate",
    "worker.autoscaling.enabled=true",
    "gpuWorker.autoscaling.enabled=true",
    "settings.ACTINIUM_MAX_RUNS=500",
)

every_service = pytest.mark.parametrize("name", PARTS)


def helm(*arguments):
    """Run helm; skip where it is not there."""
    program = os.environ.get("HELM") or shutil.which("helm")
    if program is None:
        pytest.skip("helm is not installed, and HELM names no program")
    command = [program, *arguments]
    return subprocess.run(command, cwd=CHART, check=False, capture_output=True, text=True)


def options_of(*settings):
    """Return helm's options for settings, each text but what is true or false."""
    return [
        word
        for setting in settings
        for word in ("--set" if setting.endswith("=true") else "--set-string", setting)
    ]


def rendered(*settings):
    """Return the manifests that helm renders, by kind and name."""
    ended = helm("template", "some", ".", *options_of(*settings))
    assert ended.returncode == 0, ended.stderr
    found = {}
    for manifest in yaml.safe_load_all(ended.stdout):
        if manifest:
            found[manifest["kind"], manifest["metadata"]["name"]] = manifest
    return found


def pod(manifests, name):
    """Return the pod of one of our services."""
    kind = "Job" if name == "migrate" else "Deployment"
    return manifests[kind, f"some-{name}"]["spec"]["template"]["spec"]


def health_check(name):
    """Return the command of a service's health check in docker-compose.yml."""
    kind, *command = SERVICES[name]["healthcheck"]["test"]
    return command if kind == "CMD" else ["sh", "-c", *command]


@pytest.fixture(scope="module")
def everything():
    return rendered(*EVERYTHING)


# ---- without helm: what the files themselves say --------------------------------------------


def test_chart_images_and_package_have_one_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert chart["version"] == chart["appVersion"] == package
    assert variables_of_compose().defaults["ACTINIUM_VERSION"] == package


@every_service
def test_a_service_has_the_limits_that_compose_gives_it(name):
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    given = VALUES[PARTS[name]]["resources"]["limits"]
    assert given["cpu"] == limits["cpus"]
    assert given["memory"] == limits["memory"].upper() + "i"


@pytest.mark.parametrize("name", LASTING)
def test_the_templates_ask_what_the_health_checks_ask(name):
    *_, check = health_check(name)
    helpers = TEMPLATES["_helpers.tpl"].replace("%%", "%")
    process = "scheduler" if name == "scheduler" else "worker"
    assert check.replace(f"alive/{process}", "alive/%s") in helpers


@every_service
def test_the_templates_name_every_variable_of_a_service(name):
    text = "".join(TEMPLATES.values())
    for variable in SERVICES[name]["environment"]:
        assert re.search(rf"\b{variable}\b", text), variable


def test_no_value_of_the_chart_is_a_secret():
    assert not re.search(
        r"(?i)password:|token:|api-?key:|://[^ ]*@", (CHART / "values.yaml").read_text()
    )


@pytest.mark.parametrize(("device", "count"), [("cpu", "3"), ("cuda", "1")])
def test_the_queue_that_workers_are_scaled_by_is_that_of_their_device(device, count, database_url):
    """One query of the chart, on the tables as they are; its rows are what an autoscaler counts."""
    (query,) = re.findall(r"query: >-\n((?: {10}.*\n)+)", TEMPLATES["workers.yaml"])
    comparison = {"cpu": "<> 'cuda'", "cuda": "= 'cuda'"}[device]
    query = re.sub(r"\{\{.*\}\}", comparison, query)
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        # Of the table nothing but these two columns, with the rows of this test.
        connection.execute(
            "CREATE TEMPORARY TABLE rows AS SELECT status, device_request FROM runs LIMIT 0"
        )
        connection.execute(
            "INSERT INTO rows VALUES ('queued', 'auto'), ('queued', 'cpu'), ('running', 'auto'),"
            " ('queued', 'cuda'), ('completed', 'cuda'), ('cancelled', 'cpu')"
        )
        ((found,),) = connection.execute(query.replace(" runs ", " rows ")).fetchall()
        assert connection.execute(query).fetchall() == [(0,)]
    assert str(found) == count


# ---- with helm: what it renders ---------------------------------------------------------------


def test_helm_finds_no_fault():
    for settings in ((), EVERYTHING):
        linted = helm("lint", ".", "--strict", *options_of(*settings))
        assert linted.returncode == 0, linted.stdout


def test_every_manifest_is_valid_by_the_schemas_of_kubernetes(everything):
    schemas = pytest.importorskip("kubernetes_validate")
    for manifests in (rendered(), everything):
        for (kind, _), manifest in manifests.items():
            if not manifest["apiVersion"].startswith("keda.sh/"):
                schemas.validate(manifest, "1.34", strict=True)
                assert kind


def test_each_kind_of_thing_is_there(everything):
    assert {kind for kind, _ in everything} == {
        *("Job", "Deployment", "Service", "PersistentVolumeClaim", "PodDisruptionBudget"),
        *("Ingress", "ScaledObject", "TriggerAuthentication"),
    }
    assert {name for kind, name in rendered() if kind == "Deployment"} == {
        "some-api",
        "some-scheduler",
        "some-worker",
    }


@every_service
def test_a_pod_runs_the_command_of_its_service(everything, name):
    (container,) = pod(everything, name)["containers"]
    assert container["args"] == SERVICES[name]["command"]
    assert "command" not in container
    assert container["image"] == f"actinium-{IMAGES[name]}:0.1.0"
    _, _, image = SERVICES[name]["image"].partition("-")
    assert image.partition(":")[0] == IMAGES[name], "the image is one that compose builds"


@every_service
def test_a_pod_has_the_environment_of_its_service(everything, name):
    (container,) = pod(everything, name)["containers"]
    variables = {variable["name"]: variable for variable in container["env"]}
    assert variables.pop("ACTINIUM_MAX_RUNS")["value"] == "500", "settings are for all"
    wanted = SERVICES[name]["environment"]
    assert variables.keys() == wanted.keys()
    elsewhere = {"FORWARDED_ALLOW_IPS"}  # whose proxies are its own
    for variable in variables.values():
        if "value" in variable:
            if variable["name"] not in elsewhere:
                assert variable["value"] == wanted[variable["name"]], variable["name"]
        else:
            assert "a-secret" in wanted[variable["name"]], "what is secret there is secret here"


@every_service
def test_only_the_migration_has_the_password_of_the_schemas_owner(everything, name):
    (container,) = pod(everything, name)["containers"]
    keys = {
        variable["valueFrom"]["secretKeyRef"]["key"]
        for variable in container["env"]
        if "valueFrom" in variable
    }
    wanted = {"database-url", "redis-url"}
    if name == "migrate":
        wanted = {"owner-database-url", "redis-url", "service-password"}
    if name == "api":
        wanted |= {"api-key"}
    assert keys == wanted


@pytest.mark.parametrize("name", LASTING)
def test_probes_are_the_health_checks_of_compose(everything, name):
    (container,) = pod(everything, name)["containers"]
    check = SERVICES[name]["healthcheck"]
    live, start = container["livenessProbe"], container["startupProbe"]
    assert live["exec"]["command"] == start["exec"]["command"] == health_check(name)
    assert live["periodSeconds"] == parse_duration(check["interval"])
    assert live["timeoutSeconds"] == start["timeoutSeconds"] == parse_duration(check["timeout"])
    assert live["failureThreshold"] == check["retries"]
    assert start["periodSeconds"] == parse_duration(check["start_interval"])
    patience = start["periodSeconds"] * start["failureThreshold"]
    assert patience == parse_duration(check["start_period"])


@every_service
def test_a_pod_is_confined_as_its_container_is(everything, name):
    spec, service = pod(everything, name), SERVICES[name]
    (container,) = spec["containers"]
    rights = container["securityContext"]
    assert rights["readOnlyRootFilesystem"] is service["read_only"]
    assert rights["capabilities"] == {"drop": service["cap_drop"]}
    assert rights["allowPrivilegeEscalation"] is False
    of_pod = spec["securityContext"]
    assert f"{of_pod['runAsUser']}:{of_pod['runAsGroup']}" == service["user"]
    assert of_pod["runAsNonRoot"] is True
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "a Service would set ACTINIUM_PORT"
    assert spec["shareProcessNamespace"] is service["init"]
    assert spec["terminationGracePeriodSeconds"] == parse_duration(service["stop_grace_period"])


@every_service
def test_a_pod_has_the_folders_of_its_service(everything, name):
    spec, service = pod(everything, name), SERVICES[name]
    mounts = {mount["mountPath"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    folders = {volume.split(":")[1]: volume for volume in service.get("volumes", [])}
    assert mounts.keys() == {"/tmp", *folders}
    for folder, volume in folders.items():
        assert mounts[folder].get("readOnly", False) == volume.endswith(":ro")
    (memory,) = (volume for volume in spec["volumes"] if volume["name"] == "tmp")
    assert memory["emptyDir"]["medium"] == "Memory"
    size = memory["emptyDir"]["sizeLimit"].removesuffix("Mi")
    assert service["tmpfs"] == [f"/tmp:mode=1777,size={size}m"]


def test_the_migration_comes_first_and_tries_as_often_as_in_compose(everything):
    migration = everything["Job", "some-migrate"]
    hooks = migration["metadata"]["annotations"]["helm.sh/hook"].split(",")
    assert set(hooks) == {"pre-install", "pre-upgrade"}
    tries = int(SERVICES["migrate"]["restart"].removeprefix("on-failure:"))
    assert migration["spec"]["backoffLimit"] == tries
    volumes = pod(everything, "migrate")["volumes"]
    assert all("emptyDir" in volume for volume in volumes), "a claim is made after it"


def test_data_stay_when_the_release_goes_and_can_be_elsewhere():
    claim = rendered()["PersistentVolumeClaim", "some-training-data"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    elsewhere = rendered("storage.url=s3://bucket/actinium")
    assert not [name for kind, name in elsewhere if kind == "PersistentVolumeClaim"]
    (container,) = pod(elsewhere, "worker")["containers"]
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert values["ACTINIUM_CHECKPOINT_DIR"] == "s3://bucket/actinium"
    own = pod(rendered("storage.existingClaim=mine"), "worker")["volumes"]
    assert {"claimName": "mine"} in [volume.get("persistentVolumeClaim") for volume in own]


@pytest.mark.parametrize("name", LASTING)
def test_nodes_can_be_drained_one_pod_at_a_time(everything, name):
    budget = everything["PodDisruptionBudget", f"some-{name}"]["spec"]
    assert budget["maxUnavailable"] == 1
    labels = everything["Deployment", f"some-{name}"]["spec"]["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("name", ["worker", "worker-gpu"])
def test_workers_are_scaled_by_what_waits_and_only_where_that_is_asked_for(everything, name):
    scaled = everything["ScaledObject", f"some-{name}"]["spec"]
    assert scaled["scaleTargetRef"] == {"name": f"some-{name}"}
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["query"].endswith(
        "= 'cuda'" if name == "worker-gpu" else "<> 'cuda'"
    )
    assert "replicas" not in everything["Deployment", f"some-{name}"]["spec"]
    plain = rendered("gpuWorker.enabled=true")
    assert plain["Deployment", f"some-{name}"]["spec"]["replicas"] >= 1
    assert not [kind for kind, _ in plain if kind == "ScaledObject"]


def test_a_gpu_worker_asks_for_a_gpu(everything):
    (container,) = pod(everything, "worker-gpu")["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_the_ingress_leads_to_the_api(everything):
    ingress = everything["Ingress", "some-api"]["spec"]
    (rule,) = ingress["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = everything["Service", backend["name"]]["spec"]
    (port,) = (port for port in service["ports"] if port["name"] == backend["port"]["name"])
    (container,) = pod(everything, "api")["containers"]
    assert port["targetPort"] in [listening["name"] for listening in container["ports"]]
    assert ingress["tls"] == [{"hosts": [rule["host"]], "secretName": "certificate"}]


@pytest.mark.parametrize(
    "setting",
    ["worker.replica=3", "image.prefix=registry.example.org/team", "settings.MAX_RUNS=5"],
)
def test_a_value_that_the_chart_does_not_know_is_refused(setting):
    ended = helm("template", "some", ".", "--set-string", setting)
    assert ended.returncode != 0
    assert "values don't meet the specifications of the schema" in ended.stderr
