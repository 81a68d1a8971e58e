//! Who does what for the card: trussed's core, and two of its makers' backends for PINs and for files in parts. All in memory.

use trussed::backend::{Backend as _, BackendId};
use trussed::platform::Platform;
use trussed::serde_extensions::{ExtensionDispatch, ExtensionId, ExtensionImpl};
use trussed::service::ServiceResources;
use trussed::types::Context;
use trussed::virt::{self, StoreConfig};
use trussed_auth::AuthExtension;
use trussed_auth_backend::{AuthBackend, AuthContext, FilesystemLayout};
use trussed_chunked::ChunkedExtension;
use trussed_core::Error;
use trussed_core::api::{Reply, Request, reply, request};
use trussed_core::types::{Bytes, Location};
use trussed_staging::{StagingBackend, StagingContext};
use trussed_wrap_key_to_file::WrapKeyToFileExtension;

pub type Client<'a> = virt::Client<'a, Backends>;

/// Runs `use_it` with a client of a platform whose files and keys are in memory, and whose randomness is the same each time.
pub fn with_client<R>(name: &str, use_it: impl FnOnce(Client<'_>) -> R) -> R {
    let order = &[BackendId::Custom(Backend::Staging), BackendId::Custom(Backend::Auth), BackendId::Core];
    virt::with_platform(StoreConfig::ram(), |platform| {
        platform.run_client_with_backends(name, Backends::new(), order, use_it)
    })
}

#[derive(Clone, Copy, Debug)]
pub enum Backend {
    Auth,
    Staging,
}

#[derive(Clone, Copy, Debug)]
pub enum Extension {
    Auth,
    WrapKeyToFile,
    Chunked,
}

impl From<Extension> for u8 {
    fn from(extension: Extension) -> Self {
        extension as Self
    }
}

impl TryFrom<u8> for Extension {
    type Error = Error;

    fn try_from(number: u8) -> Result<Self, Error> {
        let all = [Self::Auth, Self::WrapKeyToFile, Self::Chunked];
        all.into_iter().find(|extension| u8::from(*extension) == number).ok_or(Error::InternalError)
    }
}

pub struct Backends {
    auth: AuthBackend,
    staging: StagingBackend,
}

impl Backends {
    fn new() -> Self {
        // A device would have this in hardware. Nothing secret is ever in this card.
        let hardware_key = Bytes::from(b"test key of openpgp-card");
        Self {
            auth: AuthBackend::with_hw_key(Location::Internal, hardware_key, FilesystemLayout::V0),
            staging: StagingBackend::new(),
        }
    }
}

#[derive(Default)]
pub struct Contexts {
    auth: AuthContext,
    staging: StagingContext,
}

impl ExtensionId<AuthExtension> for Backends {
    type Id = Extension;
    const ID: Extension = Extension::Auth;
}

impl ExtensionId<WrapKeyToFileExtension> for Backends {
    type Id = Extension;
    const ID: Extension = Extension::WrapKeyToFile;
}

impl ExtensionId<ChunkedExtension> for Backends {
    type Id = Extension;
    const ID: Extension = Extension::Chunked;
}

impl ExtensionDispatch for Backends {
    type BackendId = Backend;
    type Context = Contexts;
    type ExtensionId = Extension;

    fn core_request<P: Platform>(
        &mut self,
        backend: &Backend,
        context: &mut Context<Contexts>,
        request: &Request,
        resources: &mut ServiceResources<P>,
    ) -> Result<Reply, Error> {
        let (core, own) = (&mut context.core, &mut context.backends);
        match backend {
            Backend::Auth => self.auth.request(core, &mut own.auth, request, resources),
            Backend::Staging => self.staging.request(core, &mut own.staging, request, resources),
        }
    }

    fn extension_request<P: Platform>(
        &mut self,
        backend: &Backend,
        extension: &Extension,
        context: &mut Context<Contexts>,
        request: &request::SerdeExtension,
        resources: &mut ServiceResources<P>,
    ) -> Result<reply::SerdeExtension, Error> {
        type Auth = AuthExtension;
        type Wrap = WrapKeyToFileExtension;
        type Chunked = ChunkedExtension;
        let (core, own) = (&mut context.core, &mut context.backends);
        let (auth, staging) = (&mut self.auth, &mut self.staging);
        match (backend, extension) {
            (Backend::Auth, Extension::Auth) => {
                ExtensionImpl::<Auth>::extension_request_serialized(auth, core, &mut own.auth, request, resources)
            }
            (Backend::Staging, Extension::WrapKeyToFile) => {
                ExtensionImpl::<Wrap>::extension_request_serialized(staging, core, &mut own.staging, request, resources)
            }
            (Backend::Staging, Extension::Chunked) => ExtensionImpl::<Chunked>::extension_request_serialized(
                staging,
                core,
                &mut own.staging,
                request,
                resources,
            ),
            _ => Err(Error::RequestNotAvailable),
        }
    }
}
