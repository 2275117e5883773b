# One image for operator, load pods and sample target: non-root, works with a read-only root.
# The test cluster builds the same content without Docker: tests/testcluster/baseimage.py and layer.py.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
COPY requirements/image.txt /tmp/image.txt
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/image.txt
COPY operator/loadtest_operator /opt/loadtest/loadtest_operator
COPY operator/loadtest_agent /opt/loadtest/loadtest_agent
COPY operator/loadtest_target /opt/loadtest/loadtest_target
# A .pth file rather than PYTHONPATH, which belongs to the user's scripts.
RUN /opt/venv/bin/python -c 'import site; print(site.getsitepackages()[0])' \
  | xargs -I DIR sh -c 'echo /opt/loadtest > DIR/loadtest.pth' \
 && /opt/venv/bin/python -m compileall -q -o 0 --invalidation-mode unchecked-hash /opt/loadtest /opt/venv/lib

FROM ${BASE}
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/loadtest /opt/loadtest
ENV PATH=/opt/venv/bin:$PATH
USER 10001:10001
WORKDIR /
CMD ["python3", "-m", "loadtest_operator.runtime.main"]
