"""What an inventory file may say. The published JSON Schema is made from these models."""

from __future__ import annotations

import os
from ipaddress import IPv4Network
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, field_validator, model_validator

from swarmops.inventory.values import (
    Address,
    CertExpiry,
    ClusterName,
    DataPort,
    File,
    Filled,
    Heartbeat,
    HostName,
    Inside,
    Kept,
    LabelName,
    Name,
    NetworkName,
    Port,
    PortMapping,
    Reached,
    Reference,
    RegistryHost,
    StackName,
    Subnet,
    SubnetSize,
    Tag,
    TaskHistory,
    UserName,
    Words,
)

# Looking for plugins of pydantic among all installed packages takes longer than reading an inventory.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# The versions of Debian trixie's packages, so that both sources of images give the same software.
HUB = {
    "node": "docker:28.5.2-dind",
    "registry": "registry:2.8.3",
    "golang": "golang:1.24.4-alpine",
    "nginx": "nginx:1.26.3-alpine",
    "haproxy": "haproxy:3.0.11-alpine",
}


class Model(BaseModel):
    """Unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HostVars(Model):
    """What can be said of one host, at the host itself, in the `vars` of any of its groups or in `all.vars`."""

    ports: list[PortMapping] = Field([], description="Ports published by a lab: port of the host, port of the node.")
    labels: dict[LabelName, str] = Field({}, description="Node labels, for placement constraints.")
    availability: Literal["active", "pause", "drain"] | None = Field(
        None, description="Availability of the node; left alone when it is not stated."
    )
    address: Address | None = Field(None, description="Address of the node in the swarm.")
    extra: dict[str, Any] = Field({}, description="Anything else that templates want to know of this host.")
    ansible_host: Reached | None = Field(None, description="Name or address that ssh connects to.")
    ansible_user: Filled | None = Field(None, description="User that ssh logs in as.")
    ansible_port: Port | None = Field(None, description="Port that ssh connects to.")
    ansible_ssh_private_key_file: File | None = Field(None, description="Key that ssh logs in with.")


class GroupVars(HostVars):
    """What can be said in the `vars` of a group: the same as of a host, for all hosts of the group."""

    ansible_group_priority: StrictInt = Field(1, description="Among groups of one depth the higher priority wins.")


class SecretSource(Model):
    """Where a secret value comes from: exactly one of these. The value itself is never in the inventory."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    file: File | None = Field(None, description="File that holds the value, taken byte for byte.")
    environment: Filled | None = Field(None, description="Environment variable that holds it.")
    command: Words | None = Field(
        None, description="Command that prints it, a list or a line for sh; one newline at its end is left out."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_value(cls, stated: Any) -> Any:
        if not isinstance(stated, dict | cls):  # the usual message would repeat it
            text = "should say where the value is, by file, environment or command, not the value itself"
            raise ValueError(text)  # noqa: TRY004 (pydantic reports this one)
        return stated

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1 or not (self.file or self.environment or self.command):
            raise ValueError("should say exactly one of file, environment, command")
        return self


class Credentials(Model):
    """Whom a registry knows."""

    username: UserName = Field(description="Name to log in with.")
    password: SecretSource = Field(description="Where the password comes from.")


class Registry(Model):
    """The cluster's own image registry."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"username": ["password"], "password": ["username"]}}
    )

    host: HostName = Field("registry", description="Name that the nodes know the registry by.")
    port: Port = Field(5000, description="Port of the registry, on the nodes' network and on the host.")
    tls: StrictBool = Field(False, description="Whether a lab's registry speaks TLS, by a certificate that up makes.")
    username: UserName | None = Field(None, description="Name to log in with; absent, nobody has to.")
    password: SecretSource | None = Field(None, description="Where the password comes from.")

    @property
    def credentials(self) -> Credentials | None:
        """Whom the registry knows; None when it lets everybody in."""
        if self.username is None or self.password is None:
            return None
        return Credentials(username=self.username, password=self.password)

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        return self


class Network(Model):
    """An overlay network."""

    driver: Literal["overlay"] = Field("overlay", description="Driver of the network.")
    attachable: StrictBool = Field(False, description="Whether plain containers may join it.")
    subnet: Subnet | None = Field(None, description="Subnet of the network; the swarm chooses one otherwise.")
    encrypted: StrictBool = Field(False, description="Whether traffic between the nodes is encrypted.")


class UnlockKey(Model):
    """Where the key is kept that unlocks managers: a file, or two commands."""

    file: File | None = Field(None, description="File that holds the key, of mode 0600.")
    store: Words | None = Field(None, description="Command that keeps the key, which it gets by standard input.")
    read: Words | None = Field(None, description="Command that prints the key that was kept.")

    @model_validator(mode="before")
    @classmethod
    def _no_value(cls, stated: Any) -> Any:
        if not isinstance(stated, dict | cls):  # the usual message would repeat it
            text = "should say where the key is kept, by file, or by store and read, not the key itself"
            raise ValueError(text)  # noqa: TRY004 (pydantic reports this one)
        return stated

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.store is None and self.read is None):
            raise ValueError("should say either file, or store and read")
        if (self.store is None) != (self.read is None):
            raise ValueError("store and read go together")
        return self


class Swarm(Model):
    """Settings of the swarm; what is not stated is left alone."""

    task_history: TaskHistory | None = Field(None, description="How many ended tasks of each replica are kept.")
    heartbeat: Heartbeat | None = Field(
        None, description="How often nodes report to a manager; silent three times, a node is down."
    )
    cert_expiry: CertExpiry | None = Field(None, description="How long the nodes' certificates are valid.")
    autolock: StrictBool | None = Field(None, description="Whether managers are locked when their engine restarts.")
    unlock_key: UnlockKey | None = Field(None, description="Where the key is kept that unlocks them.")
    address_pools: list[Subnet] = Field(
        [], description="Subnets that networks get theirs from; set when the swarm is made."
    )
    subnet_size: SubnetSize | None = Field(
        None, description="Length of the mask of each network's subnet; set when the swarm is made."
    )
    data_path_port: DataPort | None = Field(
        None, description="UDP port of the traffic between nodes; set when the swarm is made."
    )


class Build(Model):
    """An image that is built from a directory of the project."""

    context: Inside = Field(description="Directory of the build, relative to the project.")
    tag: Tag = Field(description='Tag of the image, in quotes: "1.0".')


class Images(Model):
    """Where images come from."""

    source: Literal["auto", "hub", "debian"] = Field(
        "auto", description="Public images, or all built from Debian packages; auto takes the hub where it answers."
    )
    suite: Name = Field("trixie", description="Debian release that images are built from.")
    hub: dict[Name, Reference] = Field(HUB, description="Public images with their versions.")
    build: dict[Name, Build] = Field({}, description="Images of one's own.")

    @field_validator("hub")
    @classmethod
    def _stated_over_default(cls, stated: dict[str, str]) -> dict[str, str]:
        return HUB | stated


class Stack(Model):
    """A stack and its template."""

    template: Inside = Field(description="Template of the stack, relative to the directory templates/.")
    vars: dict[str, Any] = Field({}, description="Variables of the template.")


class SSHD(Model):
    """An sshd in the nodes of a lab."""

    authorized_keys: File = Field(description="File with the public keys that may log in as root.")


class SSH(Model):
    """How ssh trusts hosts."""

    known_hosts: File = Field("~/.ssh/known_hosts", description="File with the host keys of the nodes.")


class Settings(Model):
    """The variables of the cluster, in `all.vars` and nowhere else."""

    cluster: ClusterName = Field(description="Name of the cluster; a lab's containers and networks begin with it.")
    transport: Literal["lab", "ssh"] = Field("lab", description="Nodes are containers on one engine, or real hosts.")
    routing: Literal["auto", "mesh", "dns"] = Field(
        "auto", description="Virtual IPs and the ingress mesh, or DNS; auto finds out what the nodes' kernel can do."
    )
    subnet: Subnet = Field(IPv4Network("10.89.0.0/24"), description="Subnet of a lab; no other network may use it.")
    bind: Address = Field("127.0.0.1", description="Address of the host that a lab publishes its ports on.")
    privileges: Literal["auto", "full", "trimmed"] = Field(
        "auto", description="Lab nodes run privileged, or with the least that works; auto takes what the engine grants."
    )
    registry: Registry = Field(Registry(), description="The cluster's own image registry.")
    registries: dict[RegistryHost, Credentials] = Field(
        {}, description="Log-ins of other registries, by host: docker.io, ghcr.io, registry.example:5000."
    )
    networks: dict[NetworkName, Network] = Field({}, description="Overlay networks that stacks share.")
    swarm: Swarm = Field(Swarm(), description="Settings of the swarm.")
    images: Images = Field(Images(), description="Where images come from.")
    stacks: dict[StackName, Stack] = Field({}, description="Stacks by name.")
    history: Kept = Field(10, description="How many verified deploys of each stack are kept for rollback.")
    sshd: SSHD | None = Field(None, description="An sshd in the nodes of a lab; absent, there is none.")
    ssh: SSH = Field(SSH(), description="How ssh trusts hosts.")


class AllVars(Settings, GroupVars):
    """The variables of the cluster, and what holds for every host."""


class Group(Model):
    """A group of hosts, as in Ansible. `managers` and `workers` give the roles, other groups variables."""

    hosts: dict[str, HostVars | None] | None = Field(None, description="Hosts, or ranges of hosts: worker[01:03].")
    vars: GroupVars | None = Field(None, description="Variables for all hosts of this group.")
    children: dict[str, Group | None] | None = Field(None, description="Groups inside this one.")


class AllGroup(Group):
    """The group of all hosts."""

    vars: AllVars = Field(description="Variables of the cluster.")


class InventoryFile(Model):
    """The inventory of a swarmops cluster; Ansible reads it too."""

    all: AllGroup = Field(description="The group of all hosts.")
