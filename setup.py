"""Compute the package list, so that no sub-package can be forgotten; everything else is in pyproject.toml."""

from setuptools import find_packages, setup

MAPPED = ("graphs", "rag", "synth", "benchmarks", "training")
package_dir = {"rtlgen": "rtlgen"} | {f"rtlgen.{name}": name for name in MAPPED}
packages = find_packages(include=["rtlgen", "rtlgen.*"], exclude=[f"rtlgen.{n}*" for n in MAPPED])
for name in MAPPED:
    packages += [f"rtlgen.{name}"] + [f"rtlgen.{name}.{sub}" for sub in find_packages(name)]

setup(packages=packages, package_dir=package_dir)
