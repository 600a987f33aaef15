"""What the official Python client does with a cluster: `KUBECONFIG=… python3 client.py Objects` (or Streams)."""

import os
import threading
import time
import unittest

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import portforward, stream

SPACE = "python"


def setUpModule():
    config.load_kube_config(os.environ["KUBECONFIG"])
    core = client.CoreV1Api()
    try:
        core.create_namespace({"metadata": {"name": SPACE}})
    except ApiException as error:
        if error.status != 409:
            raise


def config_map(name, data=None, labels=None):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


def pod(name):
    container = client.V1Container(name="c", image="example/none:1")
    # No scheduler looks after it: it stays as it was made.
    spec = client.V1PodSpec(containers=[container], scheduler_name="nobody")
    return client.V1Pod(metadata=client.V1ObjectMeta(name=name, labels={"app": name}), spec=spec)


class Objects(unittest.TestCase):
    def setUp(self):
        self.core = client.CoreV1Api()

    def refused(self, status, reason, call, *args, **kwargs):
        with self.assertRaises(ApiException) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.status, status, caught.exception.body)
        self.assertIn(f'"reason":"{reason}"', caught.exception.body)
        return caught.exception

    def test_an_object_is_created_read_replaced_and_deleted(self):
        made = self.core.create_namespaced_config_map(SPACE, config_map("life", {"a": "1"}))
        self.assertTrue(made.metadata.uid)
        self.assertIsNotNone(made.metadata.creation_timestamp.tzinfo)
        self.refused(409, "AlreadyExists", self.core.create_namespaced_config_map, SPACE, config_map("life"))
        made.data = {"a": "2"}
        changed = self.core.replace_namespaced_config_map("life", SPACE, made)
        self.assertEqual(changed.data, {"a": "2"})
        # It was read before that change.
        self.refused(409, "Conflict", self.core.replace_namespaced_config_map, "life", SPACE, made)
        wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="other"))
        self.refused(409, "Conflict", self.core.delete_namespaced_config_map, "life", SPACE, body=wrong)
        stale = client.V1Preconditions(uid=made.metadata.uid, resource_version=made.metadata.resource_version)
        options = client.V1DeleteOptions(preconditions=stale)
        self.refused(409, "Conflict", self.core.delete_namespaced_config_map, "life", SPACE, body=options)
        stale.resource_version = changed.metadata.resource_version
        self.assertEqual(self.core.delete_namespaced_config_map("life", SPACE, body=options).status, "Success")
        self.refused(404, "NotFound", self.core.read_namespaced_config_map, "life", SPACE)

    def test_a_dry_run_keeps_nothing(self):
        tried = self.core.create_namespaced_config_map(SPACE, config_map("dry"), dry_run="All")
        self.assertEqual(tried.metadata.name, "dry")
        self.refused(404, "NotFound", self.core.read_namespaced_config_map, "dry", SPACE)

    def test_an_object_is_patched_in_each_way(self):
        self.core.create_namespaced_pod(SPACE, pod("patched"))
        containers = [{"name": "c", "image": "example/other:2"}]
        strategic = self.core.patch_namespaced_pod("patched", SPACE, {"spec": {"containers": containers}})
        self.assertEqual(strategic.spec.containers[0].image, "example/other:2")
        self.assertEqual(strategic.spec.containers[0].image_pull_policy, "IfNotPresent")
        operations = [
            {"op": "test", "path": "/metadata/labels/app", "value": "patched"},
            {"op": "add", "path": "/metadata/labels/tier", "value": "front"},
        ]
        json = self.core.patch_namespaced_pod("patched", SPACE, operations)
        self.assertEqual(json.metadata.labels, {"app": "patched", "tier": "front"})
        operations[0]["value"] = "something else"
        self.refused(422, "Invalid", self.core.patch_namespaced_pod, "patched", SPACE, operations)
        merged = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="Pod").patch(
            name="patched",
            namespace=SPACE,
            body={"metadata": {"labels": {"tier": None}}},
            content_type="application/merge-patch+json",
        )
        self.assertEqual(dict(merged.metadata.labels), {"app": "patched"})
        self.core.delete_namespaced_pod("patched", SPACE, grace_period_seconds=0)

    def test_an_object_that_is_wrong_is_refused_with_the_fields(self):
        wrong = pod("Wrong_Name")
        wrong.spec.containers[0].image = ""
        error = self.refused(422, "Invalid", self.core.create_namespaced_pod, SPACE, wrong)
        self.assertIn('"field":"metadata.name"', error.body)
        self.assertIn('"field":"spec.containers[0].image"', error.body)

    def test_a_list_comes_in_pages_that_show_one_moment(self):
        for i in range(5):
            self.core.create_namespaced_config_map(SPACE, config_map(f"page-{i}", labels={"pages": "yes"}))
        names, token, moments = [], None, set()
        while True:
            page = self.core.list_namespaced_config_map(SPACE, label_selector="pages=yes", limit=2, _continue=token)
            names += [item.metadata.name for item in page.items]
            moments.add(page.metadata.resource_version)
            token = page.metadata._continue
            if not token:
                break
            self.core.create_namespaced_config_map(SPACE, config_map(f"page-x{len(names)}", labels={"pages": "yes"}))
        self.assertEqual(names, [f"page-{i}" for i in range(5)])
        self.assertEqual(len(moments), 1)
        self.refused(400, "BadRequest", self.core.list_namespaced_config_map, SPACE, _continue="mine", limit=1)
        found = self.core.list_namespaced_config_map(SPACE, field_selector="metadata.name=page-3")
        self.assertEqual([item.metadata.name for item in found.items], ["page-3"])
        self.core.delete_collection_namespaced_config_map(SPACE, label_selector="pages=yes")
        self.assertEqual(self.core.list_namespaced_config_map(SPACE, label_selector="pages=yes").items, [])

    def test_a_watch_goes_on_where_the_list_ended(self):
        start = self.core.list_namespaced_config_map(SPACE).metadata.resource_version
        for step in ("create", "replace", "delete"):
            body = config_map("watched", {"step": step}, {"watched": "yes"})
            if step == "create":
                self.core.create_namespaced_config_map(SPACE, body)
            elif step == "replace":
                self.core.replace_namespaced_config_map("watched", SPACE, body)
            else:
                self.core.delete_namespaced_config_map("watched", SPACE)
        seen, bookmarks = [], []
        options = {"label_selector": "watched=yes", "resource_version": start, "timeout_seconds": 1}
        for event in watch.Watch().stream(
            self.core.list_namespaced_config_map, SPACE, allow_watch_bookmarks=True, **options
        ):
            (bookmarks if event["type"] == "BOOKMARK" else seen).append(event)
        told = [(event["type"], event["object"].data["step"]) for event in seen]
        self.assertEqual(told, [("ADDED", "create"), ("MODIFIED", "replace"), ("DELETED", "replace")])
        newest = bookmarks[-1]["raw_object"]["metadata"]["resourceVersion"]
        self.assertGreaterEqual(int(newest), int(seen[-1]["object"].metadata.resource_version))

    def test_a_watch_without_a_start_begins_with_what_is_there(self):
        self.core.create_namespaced_config_map(SPACE, config_map("there", labels={"there": "yes"}))
        w, told = watch.Watch(), []
        for event in w.stream(self.core.list_namespaced_config_map, SPACE, label_selector="there=yes", timeout_seconds=30):
            told.append((event["type"], event["object"].metadata.name))
            if len(told) == 1:
                self.core.create_namespaced_config_map(SPACE, config_map("there-2", labels={"there": "yes"}))
            else:
                w.stop()
        self.assertEqual(told, [("ADDED", "there"), ("ADDED", "there-2")])

    def test_an_informer_of_lists_and_watches_knows_the_state(self):
        """What the Python client's users write by hand: list, watch from there, list again on 410."""
        stop, known = threading.Event(), {}

        def follow():
            while not stop.is_set():
                page = self.core.list_namespaced_secret(SPACE)
                known.clear()
                known.update({s.metadata.name: s.metadata.resource_version for s in page.items})
                start = page.metadata.resource_version
                w = watch.Watch()
                for event in w.stream(
                    self.core.list_namespaced_secret, SPACE, resource_version=start, timeout_seconds=1
                ):
                    meta = event["object"].metadata
                    if event["type"] == "DELETED":
                        known.pop(meta.name, None)
                    else:
                        known[meta.name] = meta.resource_version

        thread = threading.Thread(target=follow)
        thread.start()
        try:
            for i in range(40):
                self.core.create_namespaced_secret(SPACE, {"metadata": {"name": f"s{i}"}, "stringData": {"a": "b"}})
                if i % 3 == 0:
                    self.core.delete_namespaced_secret(f"s{i}", SPACE)
                elif i % 5 == 1:
                    self.core.patch_namespaced_secret(f"s{i}", SPACE, {"stringData": {"a": str(i)}})
            wanted = {s.metadata.name: s.metadata.resource_version for s in self.core.list_namespaced_secret(SPACE).items}
            deadline = time.monotonic() + 20
            while known != wanted and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertEqual(known, wanted)
        finally:
            stop.set()
            thread.join()

    def test_a_deployment_has_scale_and_status_of_its_own(self):
        apps = client.AppsV1Api()
        labels = {"app": "scaled"}
        template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=pod("x").spec)
        spec = client.V1DeploymentSpec(
            replicas=1, selector=client.V1LabelSelector(match_labels=labels), template=template
        )
        apps.create_namespaced_deployment(
            SPACE, client.V1Deployment(metadata=client.V1ObjectMeta(name="scaled"), spec=spec)
        )
        scale = apps.read_namespaced_deployment_scale("scaled", SPACE)
        self.assertEqual((scale.spec.replicas, scale.status.selector), (1, "app=scaled"))
        scale.spec.replicas = 2
        apps.replace_namespaced_deployment_scale("scaled", SPACE, scale)
        self.assertEqual(apps.read_namespaced_deployment("scaled", SPACE).spec.replicas, 2)
        status = {"spec": {"replicas": 9}, "status": {"observedGeneration": 1}}
        apps.patch_namespaced_deployment_status("scaled", SPACE, status)
        self.assertEqual(apps.read_namespaced_deployment("scaled", SPACE).spec.replicas, 2)
        apps.delete_namespaced_deployment("scaled", SPACE, propagation_policy="Foreground")

    def test_what_is_served_is_found_out(self):
        self.assertEqual(client.VersionApi().get_code().major, "1")
        self.assertIn("apps", [group.name for group in client.ApisApi().get_api_versions().groups])
        address = client.CoreApi().get_api_versions().server_address_by_client_cid_rs[0].server_address
        self.assertRegex(address, r"^[\d.]+:\d+$")
        found = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="apps/v1", kind="Deployment")
        self.assertTrue(found.namespaced)
        review = client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(
                resource_attributes=client.V1ResourceAttributes(verb="list", resource="pods")
            )
        )
        answer = client.AuthorizationV1Api().create_self_subject_access_review(review)
        self.assertTrue(answer.status.allowed)


class Streams(unittest.TestCase):
    """Needs the pod that DHOW_POD names (namespace/name) with a shell, and a page at its port 8080."""

    def setUp(self):
        self.core = client.CoreV1Api()
        self.space, self.name = os.environ["DHOW_POD"].split("/")

    def test_a_command_runs_in_a_container(self):
        out = stream(
            self.core.connect_get_namespaced_pod_exec,
            self.name,
            self.space,
            container="a",
            command=["sh", "-c", "echo out; echo err >&2; exit 3"],
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            _preload_content=False,
        )
        out.run_forever(timeout=20)
        self.assertEqual((out.read_stdout(), out.read_stderr(), out.returncode), ("out\n", "err\n", 3))

    def test_a_shell_is_talked_to(self):
        shell = stream(
            self.core.connect_get_namespaced_pod_exec,
            self.name,
            self.space,
            container="a",
            command=["sh"],
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
        shell.write_stdin("echo $((6 * 7))\n")
        self.assertEqual(shell.readline_stdout(timeout=20), "42")
        shell.write_stdin("exit 0\n")
        shell.run_forever(timeout=20)
        self.assertEqual(shell.returncode, 0)

    def test_logs_are_read_and_followed(self):
        lines = self.core.read_namespaced_pod_log(self.name, self.space, container="talk", tail_lines=1)
        self.assertRegex(lines, r"^line \d+\n$")
        w, seen = watch.Watch(), []
        for line in w.stream(self.core.read_namespaced_pod_log, self.name, self.space, container="talk"):
            seen.append(line)
            if len(seen) == 3:
                w.stop()
        self.assertEqual(seen, ["line 1", "line 2", "line 3"])

    def test_a_port_is_forwarded(self):
        forwarded = portforward(self.core.connect_get_namespaced_pod_portforward, self.name, self.space, ports="8080")
        connection = forwarded.socket(8080)
        connection.setblocking(True)
        connection.sendall(b"GET /page HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        connection.close()
        self.assertTrue(answer.startswith(b"HTTP/1.0 200") or answer.startswith(b"HTTP/1.1 200"), answer)
        self.assertTrue(answer.endswith(b"a page\n"), answer)
        self.assertIsNone(forwarded.error(8080))


if __name__ == "__main__":
    unittest.main(verbosity=2)
